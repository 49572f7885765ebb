/** RFC 8949 §4.2.1: writes deterministic CBOR into a growing buffer. */

import { CborError } from './cbor-error.ts';
import { floatBytes } from './float.ts';
import { compareBytes } from './key-order.ts';
import { major } from './reader.ts';

const utf8 = new TextEncoder();

/** Buffers that nobody writes into now: most items are short, and a new buffer costs more than they do. */
const idle: Uint8Array<ArrayBuffer>[] = [];
const idleMax = 4;
const idleBytesMax = 512;

export class Writer {
  #bytes = idle.pop() ?? new Uint8Array(256);
  #at = 0;

  /** What was written, as a copy of just that length. The writer begins anew. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#at);
    if (idle.length < idleMax && this.#bytes.length <= idleBytesMax) idle.push(this.#bytes);
    this.#bytes = new Uint8Array(0);
    this.#at = 0;
    return written;
  }

  /** @throws {CborError} where the argument is no integer of 0 to 2^53-1, or as a bigint of 0 to 2^64-1. */
  head(type: number, argument: number | bigint): void {
    if (typeof argument === 'bigint') return this.#wide(type, argument);
    if (!Number.isSafeInteger(argument) || argument < 0) {
      throw new CborError(`expected a number of 0 to 2^53-1, found ${argument}`);
    }
    this.#reserve(9);
    const first = type << 5;
    if (argument < 24) {
      this.#bytes[this.#at++] = first | argument;
      return;
    }
    const power = argument < 0x100 ? 0 : argument < 0x1_0000 ? 1 : argument < 0x1_0000_0000 ? 2 : 3;
    this.#bytes[this.#at++] = first | (24 + power);
    let rest = argument;
    for (let at = (this.#at += 1 << power) - 1, left = 1 << power; left > 0; left--) {
      this.#bytes[at--] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  int(value: number | bigint): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new CborError(`expected an integer of at most 53 bits, found ${value}`);
    }
    if (value >= 0) this.head(major.uint, value);
    else this.head(major.nint, typeof value === 'bigint' ? -1n - value : -1 - value);
  }

  bstr(bytes: Uint8Array): void {
    this.head(major.bstr, bytes.length);
    this.raw(bytes);
  }

  tstr(text: string): void {
    // A lone surrogate has no UTF-8; the encoder would put another character in its place.
    if (!text.isWellFormed()) throw new CborError('expected Unicode text, found a lone surrogate');
    const bytes = utf8.encode(text);
    this.head(major.tstr, bytes.length);
    this.raw(bytes);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xf5 : 0xf4);
  }

  null(): void {
    this.byte(0xf6);
  }

  float(value: number): void {
    const bytes = floatBytes(value);
    this.byte(bytes.length === 2 ? 0xf9 : bytes.length === 4 ? 0xfa : 0xfb);
    this.raw(bytes);
  }

  /** §3.3: a simple value that has no name; 20 to 23 have one, 24 to 31 don't exist. */
  simple(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 255 || (value >= 20 && value < 32)) {
      throw new CborError(`expected a simple value of 0 to 19 or 32 to 255, found ${value}`);
    }
    if (value >= 32) this.byte(0xf8);
    this.byte(value >= 32 ? value : 0xe0 | value);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Bytes that are encoded CBOR already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A map from encoded keys to encoded values, in the order that §4.2.1 demands. */
  sortedMap(pairs: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): void {
    const sorted = [...pairs].sort(([a], [b]) => compareBytes(a, b));
    this.head(major.map, sorted.length);
    sorted.forEach(([key, value], index) => {
      const before = sorted[index - 1];
      if (before !== undefined && compareBytes(before[0], key) === 0) {
        throw new CborError('expected each map key once, found one again');
      }
      this.raw(key);
      this.raw(value);
    });
  }

  /** §3.1: beyond the integers that a number holds exactly. */
  #wide(type: number, argument: bigint): void {
    if (argument <= BigInt(Number.MAX_SAFE_INTEGER)) return this.head(type, Number(argument));
    if (argument >= 1n << 64n)
      throw new CborError('expected an integer of at most 64 bits, found a larger one');
    this.#reserve(9);
    this.#bytes[this.#at++] = (type << 5) | 27;
    new DataView(this.#bytes.buffer).setBigUint64(this.#at, argument);
    this.#at += 8;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}
