/**
 * The difference between the image that devices have and the one that they shall get: stretches of the old
 * one where most bytes stay as they are, what to add to each of their bytes (mostly nothing, which
 * compresses to nothing), and what is new between them. The same two images always have the same
 * difference.
 */

import { compress } from './compress.ts';
import type { Stretch } from './stretches.ts';
import { findStretches } from './stretches.ts';

/** What a device that holds `precursor` makes `image` of. */
export const delta = (precursor: Uint8Array, image: Uint8Array): Uint8Array =>
  compress(difference(precursor, image));

/** The size of the image, then turns: how far to move, how many bytes to add to, how many new ones; both. */
function difference(precursor: Uint8Array, image: Uint8Array): Uint8Array {
  const out = byteWriter(image.length);
  out.number(image.length);
  let from = 0;
  const turn = ({ start, length, shift }: Stretch, end: number): void => {
    const stop = start + length;
    const moved = start + shift - from;
    out.number(moved < 0 ? -2 * moved - 1 : 2 * moved);
    out.number(length);
    out.number(end - stop);
    for (let at = start; at < stop; at++) out.byte((image[at] ?? 0) - (precursor[at + shift] ?? 0));
    for (let at = stop; at < end; at++) out.byte(image[at] ?? 0);
    from = stop + shift;
  };
  const stretches = findStretches(precursor, image);
  stretches.forEach((each, index) => {
    const end = stretches[index + 1]?.start ?? image.length;
    // Only the first can be of nothing: it is where the images begin.
    if (end > each.start) turn(each, end);
  });
  return out.finish();
}

interface ByteWriter {
  byte(value: number): void;
  /** Seven bits in each byte, the lowest first; the highest bit says that more follow. */
  number(value: number): void;
  finish(): Uint8Array;
}

function byteWriter(expectedBytes: number): ByteWriter {
  let bytes = new Uint8Array(expectedBytes + 64);
  let length = 0;
  const byte = (value: number): void => {
    if (length === bytes.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
    bytes[length++] = value;
  };
  return {
    byte,
    number(value) {
      let left = value;
      for (; left >= 128; left = Math.floor(left / 128)) byte((left % 128) + 128);
      byte(left);
    },
    finish: () => bytes.subarray(0, length),
  };
}
