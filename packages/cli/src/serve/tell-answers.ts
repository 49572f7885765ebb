/** Servers that tell what they answered, and how long that took, whatever carried it. */

import type { Handler, HttpListener } from '@lapel/transport';
import { statusToHttp, systemClock } from '@lapel/transport';
import type { ServerLog } from './server-log.ts';

/** What is longer is no path of ours. */
const pathMax = 256;

export function tellingListener(listener: HttpListener, log: ServerLog): HttpListener {
  if (!log.tellsAnswers) return listener;
  return (incoming, outgoing) => {
    const startedMs = systemClock.monotonicMs();
    outgoing.once('close', () => {
      const [path = ''] = (incoming.url ?? '').split('?', 1);
      const { method = '' } = incoming;
      tell(log, { method, path, status: outgoing.statusCode, startedMs });
    });
    listener(incoming, outgoing);
  };
}

/** A notification counts as an answer, too; statuses are told as those of HTTP. */
export function tellingHandler(handler: Handler, log: ServerLog): Handler {
  if (!log.tellsAnswers) return handler;
  return async (request) => {
    const startedMs = systemClock.monotonicMs();
    const response = await handler(request);
    // Whoever observes anew, or nothing more, has given this one up.
    if (request.signal.aborted) return response;
    const { method, path } = request;
    tell(log, { method, path, status: statusToHttp(response.status, response.size !== 0), startedMs });
    return response;
  };
}

interface Answer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly startedMs: number;
}

const tell = (log: ServerLog, { path, startedMs, ...answer }: Answer): void =>
  log.answered({
    ...answer,
    path: path.slice(0, pathMax),
    ms: Math.round(systemClock.monotonicMs() - startedMs),
  });
