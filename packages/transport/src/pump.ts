/** From a body into a Node stream, at the pace of the slower one. */
import type { Writable } from 'node:stream';
import type { Body } from './exchange.ts';

/**
 * Writes the body until its end, or until nobody wants more of it. Ends nothing: the caller knows what an
 * end means. A body that is longer than what was declared is cut off by an error, because its rest would be
 * read as the next message.
 * @returns the number of bytes written
 */
export async function pump(
  body: Body,
  into: Writable,
  { size = Infinity, stopped = () => false }: { size?: number | undefined; stopped?: () => boolean } = {},
): Promise<number> {
  let sent = 0;
  for await (const chunk of body) {
    if (into.destroyed || stopped()) break;
    sent += chunk.length;
    if (sent > size) throw new RangeError(`expected a body of ${size} bytes, found more`);
    if (!into.write(chunk)) await drained(into);
  }
  return sent;
}

/** Resolves when there is room again, or when there is nothing left to wait for. */
function drained(into: Writable): Promise<void> {
  if (into.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      into.off('drain', done).off('close', done);
      resolve();
    };
    into.on('drain', done).on('close', done);
  });
}
