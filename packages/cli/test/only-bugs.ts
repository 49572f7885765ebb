/** The log of a server in a test: it must have nothing to tell. */
import type { ServerLog } from '../src/serve/server-log.ts';

export const onlyBugs = (bug: ServerLog['bug'], notice: ServerLog['notice'] = bug): ServerLog => ({
  bug,
  notice,
  change: () => undefined,
  answered: () => undefined,
  tellsAnswers: false,
});
