/** State changes as server-sent events (HTML §9.2), to one reader until it goes away. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '@lapel/transport';
import type { Watch } from '../watch.ts';

/** Proxies close what is silent for a minute. */
const pingMs = 20_000;
/** A reader that is further behind is let go: it reads the present state and watches anew. */
const behindBytesMax = 256 * 1024;

/** @throws {Problem} where too many watch already; then nothing has been sent. */
export async function sendEvents(
  raw: ServerResponse,
  watch: Watch,
  clock: Clock,
  closing: AbortSignal,
): Promise<void> {
  const stop = watch.follow((change) => {
    raw.write(`event: ${change.kind}\ndata: ${JSON.stringify(change)}\n\n`);
    if (raw.writableLength > behindBytesMax) raw.destroy();
  });
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  const signal = AbortSignal.any([closing, gone.signal]);
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  raw.write(': the changes from now on\n\n');
  try {
    for (;;) {
      await clock.sleep(pingMs, signal);
      raw.write(': nothing new\n\n');
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop();
    raw.end();
  }
}
