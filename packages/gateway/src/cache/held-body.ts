/** The body of an answer that reads a held file: read or discarded, it gives the file back once. */
import type { Body } from '@lapel/transport';
import type { Held } from './store.ts';

/** Holds it anew; whoever calls has a hold of its own. */
export function heldBody(held: Held, bytes: AsyncGenerator<Uint8Array, void, undefined>): Body {
  held.hold();
  let isHeld = true;
  const release = () => {
    if (isHeld) held.release();
    isHeld = false;
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* bytes;
    } finally {
      release();
    }
  }
  const iterator = chunks();
  const body = {
    [Symbol.asyncIterator]: () => iterator,
    /** Its reader is gone; one that waits for the next bytes at this moment is let go when they come. */
    destroy() {
      release();
      iterator.return().catch(() => undefined);
    },
  };
  return body;
}
