/** A body cut into blocks: knows of each whether more follow, and takes back what must be sent smaller. */
import { joined } from '@lapel/cose';
import { discard } from '../body.ts';
import type { Body } from '../exchange.ts';

export interface Pieces {
  /** The next bytes, as many as asked for unless it is the last piece. */
  next(bytes: number): Promise<{ readonly bytes: Uint8Array; readonly more: boolean }>;
  /** What `next` gave last, to be given again from its byte `from`. */
  takeBack(bytes: Uint8Array, from: number): void;
  /** Nobody will ask for more. */
  stop(): Promise<void>;
}

export function piecesOf(body: Body): Pieces {
  const iterator = body[Symbol.asyncIterator]();
  let left: Uint8Array = new Uint8Array(0);
  let isOver = false;

  /** One byte more than a piece has must be here, or the end, before anybody knows whether it is the last. */
  async function fill(bytes: number): Promise<void> {
    const parts = [left];
    let length = left.length;
    while (length <= bytes && !isOver) {
      const read = await iterator.next();
      if (read.done === true) isOver = true;
      else {
        parts.push(read.value);
        length += read.value.length;
      }
    }
    if (parts.length > 1) left = joined(...parts);
  }

  return {
    async next(bytes) {
      if (left.length <= bytes && !isOver) await fill(bytes);
      const piece = left.subarray(0, bytes);
      left = left.subarray(piece.length);
      return { bytes: piece, more: left.length > 0 };
    },
    takeBack(bytes, from) {
      const again = bytes.subarray(from);
      left = joined(again, left);
    },
    async stop() {
      if (isOver) return;
      isOver = true;
      if ('destroy' in body) await discard(body);
      else await iterator.return?.();
    },
  };
}
