/** RFC 8949 §4.2.1: writes deterministic CBOR into a growing buffer. */

import { CborError } from './cbor-error.ts';
import { major } from './reader.ts';

const utf8 = new TextEncoder();

export class Writer {
  #bytes = new Uint8Array(256);
  #at = 0;

  /** What has been written so far, as a copy of just that length. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  head(type: number, argument: number | bigint): void {
    this.#reserve(9);
    const first = type << 5;
    if (argument < 24) {
      this.#bytes[this.#at++] = first | Number(argument);
      return;
    }
    const extra = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
    this.#bytes[this.#at++] = first | (24 + Math.log2(extra));
    let rest = BigInt(argument);
    for (let index = extra - 1; index >= 0; index--) {
      this.#bytes[this.#at + index] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    this.#at += extra;
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

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
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
