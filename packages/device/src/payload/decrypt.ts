/**
 * A ciphertext on its way into an image, or into what the image is unpacked from (RFC 9124 §4.5.7: the author
 * packs first, then encrypts). It is always taken from its start, as its tag covers all of it: what the image
 * has already is made again and dropped.
 */

import type { RunningContent } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import { windowBytes } from '../storage/arena.ts';
import type { PayloadSink } from './processing.ts';

const tagBytes = 16;
/** The schedule of a key, and the state of a cipher and of its tag. */
const cipherBytes = 512;
/** Working memory for pieces of a window: one that may hold the tag, and what comes out of it. */
export const decryptingBytes = 2 * (windowBytes + tagBytes) + cipherBytes;

/** From `push` and `finish`: @throws {SuitError} where it is no ciphertext of this content. */
export function decryptingSink(running: RunningContent, output: PayloadSink): PayloadSink {
  let offset = 0;
  let there = output.offset;
  const give = (plaintext: Uint8Array): void => {
    const dropped = Math.min(there, plaintext.length);
    there -= dropped;
    if (dropped < plaintext.length) output.push(plaintext.subarray(dropped));
  };
  return {
    get offset() {
      return offset;
    },
    push(chunk) {
      give(running.update(chunk));
      offset += chunk.length;
    },
    finish() {
      give(running.finish());
      if (there > 0) {
        const found = `expected all that an earlier attempt has left, found a content ${there} bytes shorter`;
        throw new SuitError('run', 'operation-failed', found);
      }
      output.finish();
    },
  };
}
