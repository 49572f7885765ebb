/** The log that whoever runs a server has asked for; what writes JSON is loaded for who reads it. */

import type { Terminal } from '../terminal.ts';
import type { LogOptions, ServerLog } from './server-log.ts';

export const createServerLog = async (
  terminal: Terminal,
  { format, level }: LogOptions,
): Promise<ServerLog> =>
  format === 'json' ? (await import('./log-in-json.ts')).linesOfJson(terminal, level) : words(terminal);

const words = (terminal: Terminal): ServerLog => ({
  bug: (error) => terminal.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  notice: (text) => terminal.note(text),
  change: () => undefined,
  answered: () => undefined,
  tellsAnswers: false,
});
