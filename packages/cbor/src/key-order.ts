/**
 * RFC 8949 §4.2.1: the keys of a map stand in the bytewise order of their encodings, so none stands twice.
 */

import { CborError } from './cbor-error.ts';

/** Who reads the keys, and how far it is. */
interface Cursor {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** Watches over the keys of one map that is being read. */
export class KeyOrder {
  readonly #reader: Cursor;
  #start = -1;
  #end = -1;

  constructor(reader: Cursor) {
    this.#reader = reader;
  }

  /** Call when the key that began at `start` has been read. */
  next(start: number): void {
    const { bytes, at } = this.#reader;
    if (this.#start >= 0) {
      const order = compareSlices(bytes, this.#start, this.#end, start, at);
      if (order === 0) throw new CborError('expected each map key once, found one again', start);
      if (order > 0)
        throw new CborError('expected map keys in deterministic order, found one out of order', start);
    }
    this.#start = start;
    this.#end = at;
  }
}

function compareSlices(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): number {
  while (a < aEnd && b < bEnd) {
    const difference = bytes[a++]! - bytes[b++]!;
    if (difference !== 0) return difference;
  }
  return aEnd - a - (bEnd - b);
}

/** Bytewise order; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = a[index]! - b[index]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
