/**
 * OMA's TLV (LwM2M Core 1.1 §7.4.3): a byte of kind and widths, an identifier, a length, a value. Whole
 * numbers are as short as 1, 2, 4 or 8 bytes allow. Read from anybody, so bounded.
 */

import { joined } from '@lapel/cose';
import { Problem } from '@lapel/transport';

export const tlvMediaType = 'application/vnd.oma.lwm2m+tlv';

/** Bits 7 and 6. */
const kinds = { instance: 0, 'resource-instance': 1, resources: 2, resource: 3 } as const;
type Kind = keyof typeof kinds;

export interface Entry {
  readonly kind: Kind;
  readonly id: number;
  /** Of an instance or a resource with several values, its entries in the same form. */
  readonly value: Uint8Array;
}

/** As many as one instance of our objects has resources, and some more. */
const entriesMax = 32;
const [wideId, lengthIn] = [0x20, 3];

export function writeTlv(entries: readonly Entry[]): Uint8Array {
  return joined(
    ...entries.flatMap(({ kind, id, value }) => {
      const isWide = id > 0xff;
      const width = value.length < 8 ? 0 : bytesFor(value.length);
      const short = width === 0 ? value.length : 0;
      const type = (kinds[kind] << 6) | (isWide ? wideId : 0) | (width << lengthIn) | short;
      const head = [type, ...bigEndian(id, isWide ? 2 : 1), ...bigEndian(value.length, width)];
      return [new Uint8Array(head), value];
    }),
  );
}

const bytesFor = (length: number): number => (length > 0xffff ? 3 : length > 0xff ? 2 : 1);

const bigEndian = (value: number, width: number): readonly number[] =>
  Array.from({ length: width }, (_, at) => (value >>> (8 * (width - 1 - at))) & 0xff);

/** @throws {Problem} `bad-request` */
export function readTlv(bytes: Uint8Array): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.length;) {
    if (entries.length === entriesMax) throw refused(`at most ${entriesMax} entries`, 'more');
    const take = (length: number): Uint8Array => {
      if (at + length > bytes.length) throw refused(`${length} bytes`, `${bytes.length - at}`);
      return bytes.subarray(at, (at += length));
    };
    const [type = 0] = take(1);
    const id = unsigned(take((type & wideId) === 0 ? 1 : 2));
    const width = (type >> lengthIn) & 3;
    const length = width === 0 ? type & 7 : unsigned(take(width));
    const kind = (Object.keys(kinds) as Kind[]).find((each) => kinds[each] === type >> 6) ?? 'resource';
    entries.push({ kind, id, value: take(length) });
  }
  return entries;
}

/** The longest head: a byte of kind, two of identifier, three of length. */
const headBytesMax = 6;

/** The value of the only resource in what is too large to be read first. @throws {Problem} `bad-request` */
export async function* tlvContent(
  chunks: AsyncIterable<Uint8Array>,
  id: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let head: Uint8Array = new Uint8Array();
  let left: number | undefined;
  for await (const chunk of chunks) {
    let value = chunk;
    if (left === undefined) {
      head = joined(head, chunk);
      if (head.length < headBytesMax) continue;
      ({ left, value } = opened(head, id));
    }
    left -= value.length;
    if (left < 0) throw refused('one resource', 'more behind it');
    if (value.length > 0) yield value;
  }
  if (left === undefined) {
    const { left: length, value } = opened(head, id);
    if (value.length > 0) yield value;
    left = length - value.length;
  }
  if (left !== 0) throw refused('a whole value', `${left} bytes missing`);
}

function opened(bytes: Uint8Array, id: number): { readonly left: number; readonly value: Uint8Array } {
  const [type = 0] = bytes;
  const [idBytes, width] = [(type & wideId) === 0 ? 1 : 2, (type >> lengthIn) & 3];
  const at = 1 + idBytes + width;
  const given = unsigned(bytes.subarray(1, 1 + idBytes));
  if (bytes.length < at || type >> 6 !== kinds.resource || given !== id)
    throw refused(`the resource ${id}`, 'another');
  const left = width === 0 ? type & 7 : unsigned(bytes.subarray(1 + idBytes, at));
  return { left, value: bytes.subarray(at) };
}

const refused = (expected: string, found: string) =>
  new Problem('bad-request', `expected TLV with ${expected}, found ${found}`);

const unsigned = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

const widths = [1, 2, 4, 8] as const;

export function integerToTlv(value: number): Uint8Array {
  const width = widths.find((each) => value >= -(2 ** (8 * each - 1)) && value < 2 ** (8 * each - 1)) ?? 8;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(value));
  return new Uint8Array(view.buffer, 8 - width);
}

/** @throws {Problem} `bad-request` where it is none, or more than can be counted */
export function integerFromTlv(bytes: Uint8Array): number {
  const isWidth = widths.some((each) => each === bytes.length);
  if (!isWidth) throw refused('a whole number of 1, 2, 4 or 8 bytes', `${bytes.length}`);
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0;
  const filled = new Uint8Array(8).fill(isNegative ? 0xff : 0);
  filled.set(bytes, 8 - bytes.length);
  const value = Number(new DataView(filled.buffer).getBigInt64(0));
  if (!Number.isSafeInteger(value)) throw refused('a number that can be counted', `${value}`);
  return value;
}
