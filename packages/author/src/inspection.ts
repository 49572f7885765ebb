/**
 * What an inspection finds: a tree of named parts, each read from the bytes alone. Nothing is proved by
 * it. A part that can't be read says so in `error` and holds what was read before; whatever stands
 * beside it is read on.
 */

import type { Item } from '@lapel/cbor';
import { CborError, Reader, decode, diagnostic, major } from '@lapel/cbor';

export interface Part {
  /** The registry's name; `unknown` where it has none. */
  readonly name: string;
  /** Its number in the registry that its place belongs to. */
  readonly number?: number;
  /** In words, or in diagnostic notation (RFC 8949 §8). */
  readonly value?: string;
  /** Byte offset of a command in its sequence, as reports name it. */
  readonly offset?: number;
  readonly error?: string;
  readonly parts?: readonly Part[];
}

export type Key = number | string | readonly Item[];

/** The parts that `walk` adds, up to where it can't read on. */
export function gather(walk: (add: (part: Part) => void) => void): Pick<Part, 'parts' | 'error'> {
  const parts: Part[] = [];
  try {
    walk((part) => void parts.push(part));
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    return { parts, error: error.message };
  }
  return { parts };
}

/**
 * The pairs of a map, each value as a reader of its own. The last of a map that is cut short is shown
 * as far as it goes.
 */
export function pairs(
  reader: Reader,
  describe: (key: Key, value: Reader) => Part,
): Pick<Part, 'parts' | 'error'> {
  return gather((add) => {
    for (let left = reader.map(); left > 0; left--) {
      const key = readKey(reader);
      const start = reader.at;
      const cut = skipping(reader);
      const part = describe(key, new Reader(reader.bytes, start, cut === undefined ? reader.at : reader.end));
      add(cut === undefined ? part : { ...part, error: cut });
      if (cut !== undefined) return;
    }
  });
}

/** The items of an array, each as a reader of its own. */
export function items(
  reader: Reader,
  describe: (item: Reader, index: number) => Part,
): Pick<Part, 'parts' | 'error'> {
  return gather((add) => {
    const count = reader.array();
    for (let index = 0; index < count; index++) add(describe(one(reader), index));
  });
}

/** The next item as a reader of its own; the outer one goes on behind it. */
export function one(reader: Reader): Reader {
  const start = reader.at;
  reader.skip();
  return new Reader(reader.bytes, start, reader.at);
}

/** What a byte string holds, or as much of it as there is. */
export function content(reader: Reader): Reader {
  const length = reader.head(major.bstr);
  return new Reader(reader.bytes, reader.at, Math.min(reader.at + length, reader.end));
}

/** The bytes of the item that a reader of its own holds. */
export const bytesOf = ({ bytes, at, end }: Reader): Uint8Array => bytes.subarray(at, end);

/** An item in diagnostic notation; byte strings that hold an array or a map are shown opened. */
export function shown(reader: Reader): Pick<Part, 'value' | 'error'> {
  try {
    return { value: diagnostic(decode(bytesOf(reader)), opened) };
  } catch (error) {
    if (error instanceof CborError) return { error: error.message };
    throw error;
  }
}

function opened(bytes: Uint8Array): Item {
  const first = (bytes[0] ?? 0) >> 5;
  if (first !== major.array && first !== major.map) return undefined;
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

function readKey(reader: Reader): Key {
  if (reader.peek() <= major.nint) return Number(reader.integer());
  if (reader.peek() === major.tstr) return reader.tstr();
  const key = decode(bytesOf(one(reader)));
  if (Array.isArray(key)) return key as readonly Item[];
  throw new CborError('expected a key that is a number, a text or an array', reader.at);
}

function skipping(reader: Reader): string | undefined {
  try {
    reader.skip();
    return undefined;
  } catch (error) {
    if (error instanceof CborError) return error.message;
    throw error;
  }
}
