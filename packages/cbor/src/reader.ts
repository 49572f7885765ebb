/**
 * RFC 8949 §3: a pull reader over bytes in place. Strict: only the deterministic encoding of §4.2.1 is read
 * (shortest heads, definite lengths, sorted maps without duplicates), so that one value has one encoding
 * and a digest over it is unambiguous. Nothing is allocated before the remaining bytes could hold it.
 */

import { CborError } from './cbor-error.ts';
import { isShortestFloat } from './float.ts';
import { KeyOrder } from './key-order.ts';

export const major = {
  uint: 0,
  nint: 1,
  bstr: 2,
  tstr: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;

const majorNames = [
  'unsigned integer',
  'negative integer',
  'byte string',
  'text string',
  'array',
  'map',
  'tag',
  'simple value',
];

/**
 * Deepest nesting that `skip` and the generic item reader follow; SUIT nests through byte strings, far
 * below this.
 */
export const nestingMax = 16;

/** A byte order mark is a character like any other: dropping it would give one text two encodings. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Reader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte to read. */
  at: number;
  /** Offset behind the last byte that belongs to this reader. */
  readonly end: number;
  /** Argument of the head read last (RFC 8949 §3); exact up to 2^53-1, else `wide` holds it. */
  #wide: bigint | undefined;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at === this.end;
  }

  /** The major type of the next item, without reading it. */
  peek(): number {
    if (this.at >= this.end) throw new CborError('expected an item, found the end of input', this.at);
    return this.bytes[this.at]! >> 5;
  }

  /** Whether the next item is `null`. */
  peekNull(): boolean {
    return this.at < this.end && this.bytes[this.at] === 0xf6;
  }

  /** Reads the head of an item of the given major type and returns its argument, at most 2^53-1. */
  head(expected: number): number {
    const start = this.at;
    const found = this.peek();
    if (found !== expected) {
      throw new CborError(`expected ${majorNames[expected]}, found ${majorNames[found]}`, start);
    }
    const argument = this.#argument();
    if (this.#wide !== undefined) {
      throw new CborError(`expected a number up to 2^53-1, found ${this.#wide}`, start);
    }
    return argument;
  }

  /** Reads the head of an integer, up to 64 bits. */
  integer(): number | bigint {
    const negative = this.peek() === major.nint;
    if (!negative && this.peek() !== major.uint) this.head(major.uint);
    const argument = this.#argument();
    if (this.#wide !== undefined) return negative ? -1n - this.#wide : this.#wide;
    return negative
      ? argument === Number.MAX_SAFE_INTEGER
        ? -1n - BigInt(argument)
        : -1 - argument
      : argument;
  }

  uint(): number {
    return this.head(major.uint);
  }

  int(): number {
    const start = this.at;
    const value = this.integer();
    if (typeof value === 'bigint') throw new CborError(`expected a 53-bit integer, found ${value}`, start);
    return value;
  }

  /** The content of a byte string, as a view into the input. */
  bstr(): Uint8Array {
    const length = this.skipBstr();
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Reads past a byte string and returns the length of its content, which ends where the reader now is. */
  skipBstr(): number {
    const length = this.#length(major.bstr);
    this.at += length;
    return length;
  }

  tstr(): string {
    const start = this.at;
    const length = this.#length(major.tstr);
    this.at += length;
    try {
      return utf8.decode(this.bytes.subarray(this.at - length, this.at));
    } catch (error) {
      if (error instanceof TypeError) throw new CborError('expected UTF-8, found other bytes', start);
      throw error;
    }
  }

  /** Reads the head of an array: the number of its items, each of which takes at least one byte. */
  array(): number {
    return this.#count(major.array, 1);
  }

  /** Reads the head of a map: the number of its pairs. */
  map(): number {
    return this.#count(major.map, 2);
  }

  tag(): number {
    return this.head(major.tag);
  }

  bool(): boolean {
    const byte = this.bytes[this.at];
    if (this.at >= this.end || (byte !== 0xf4 && byte !== 0xf5)) {
      throw new CborError('expected true or false, found another item', this.at);
    }
    this.at++;
    return byte === 0xf5;
  }

  null(): null {
    if (!this.peekNull()) throw new CborError('expected null, found another item', this.at);
    this.at++;
    return null;
  }

  /** Reads past one whole item and returns its bytes. */
  slice(): Uint8Array {
    const start = this.at;
    this.skip();
    return this.bytes.subarray(start, this.at);
  }

  /** Reads past one whole item, checking heads, lengths and map order on the way. */
  skip(depth = 0): void {
    if (depth > nestingMax)
      throw new CborError(`expected at most ${nestingMax} levels of nesting, found more`, this.at);
    switch (this.peek()) {
      case major.bstr:
        this.skipBstr();
        return;
      case major.tstr:
        this.tstr();
        return;
      case major.array:
        for (let left = this.array(); left > 0; left--) this.skip(depth + 1);
        return;
      case major.map: {
        const order = new KeyOrder(this);
        for (let left = this.map(); left > 0; left--) {
          const start = this.at;
          this.skip(depth + 1);
          order.next(start);
          this.skip(depth + 1);
        }
        return;
      }
      case major.tag:
        this.tag();
        this.skip(depth + 1);
        return;
      case major.simple:
        this.simple();
        return;
      default:
        this.#argument();
    }
  }

  /** A simple value or float (§3.3): its additional information and the raw argument bytes. */
  simple(): { readonly information: number; readonly raw: Uint8Array } {
    const start = this.at;
    this.peek();
    const information = this.bytes[this.at++]! & 0x1f;
    const extra = information < 24 ? 0 : information <= 27 ? 1 << (information - 24) : -1;
    if (extra < 0) throw new CborError('expected a definite item, found a break or reserved value', start);
    if (extra > this.end - this.at) throw new CborError('expected more bytes, found the end of input', start);
    this.at += extra;
    const raw = this.bytes.subarray(this.at - extra, this.at);
    if (information === 24 && raw[0]! < 32) {
      throw new CborError('expected the shortest form of a simple value, found a longer one', start);
    }
    if (information > 24 && !isShortestFloat(raw)) {
      throw new CborError('expected the shortest form of a floating-point number, found a longer one', start);
    }
    return { information, raw };
  }

  /** Ends the reading: nothing may follow. */
  finish(): void {
    if (!this.done) {
      throw new CborError(`expected the end of input, found ${this.end - this.at} more bytes`, this.at);
    }
  }

  #length(type: number): number {
    const start = this.at;
    const length = this.head(type);
    if (length > this.end - this.at) {
      throw new CborError(`expected ${length} more bytes, found ${this.end - this.at}`, start);
    }
    return length;
  }

  #count(type: number, bytesEach: number): number {
    const start = this.at;
    const count = this.head(type);
    // An item is at least one byte: a count beyond the remaining bytes is a lie, refused before anything is
    // allocated.
    if (count > (this.end - this.at) / bytesEach) {
      throw new CborError(`expected ${count} items, found ${this.end - this.at} bytes`, start);
    }
    return count;
  }

  #argument(): number {
    const start = this.at;
    const information = this.bytes[this.at++]! & 0x1f;
    this.#wide = undefined;
    if (information < 24) return information;
    if (information > 27)
      throw new CborError('expected a definite length, found an indefinite or reserved one', start);
    const extra = 1 << (information - 24);
    if (extra > this.end - this.at) throw new CborError('expected more bytes, found the end of input', start);
    let value = 0;
    for (let left = extra; left > 0; left--) value = value * 256 + this.bytes[this.at++]!;
    // §4.2.1: the argument is as short as possible.
    const shorter = extra === 1 ? value < 24 : value < 2 ** (4 * extra);
    if (shorter) throw new CborError('expected the shortest form of a number, found a longer one', start);
    if (value > Number.MAX_SAFE_INTEGER) {
      this.#wide = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at - 8, 8).getBigUint64(0);
    }
    return value;
  }
}
