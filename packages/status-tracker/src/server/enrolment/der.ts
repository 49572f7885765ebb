/**
 * DER (X.690 §10) as far as a certificate needs it: one reading for any bytes. `node:crypto` proves
 * signatures and names; what it does not tell of a certificate (key usage, how long a path may be, which
 * extensions are critical) is read here.
 */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

export interface DerItem {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With its tag and its length. */
  readonly whole: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** Context-specific and constructed, [0] and [3] (RFC 5280 §4.1). */
  version: 0xa0,
  extensions: 0xa3,
} as const;

/** Of one item; a certificate with more attributes or extensions has another purpose than ours. */
const itemsMax = 64;

/** The one item that these bytes are. @throws {DerError} */
export function readDer(bytes: Uint8Array, tag: number): DerItem {
  const item = itemAt(bytes, 0);
  if (item.whole.length !== bytes.length) {
    throw new DerError(`expected one item of ${item.whole.length} bytes, found ${bytes.length} bytes`);
  }
  return expectTag(item, tag);
}

/** What a constructed item is made of. @throws {DerError} */
export function itemsOf({ content }: Pick<DerItem, 'content'>): readonly DerItem[] {
  const items: DerItem[] = [];
  for (let at = 0; at < content.length;) {
    if (items.length === itemsMax) throw new DerError(`expected at most ${itemsMax} items, found more`);
    const item = itemAt(content, at);
    items.push(item);
    at += item.whole.length;
  }
  return items;
}

/** @throws {DerError} */
export function expectTag(item: DerItem | undefined, tag: number): DerItem {
  if (item?.tag === tag) return item;
  const found = item === undefined ? 'none' : hexOf(item.tag);
  throw new DerError(`expected an item with tag ${hexOf(tag)}, found ${found}`);
}

/** §8.2, §11.1: true is 0xff, and nothing else is. */
export function booleanOf(item: DerItem): boolean {
  const { content } = expectTag(item, tags.boolean);
  const [value] = content;
  if (content.length === 1 && (value === 0 || value === 0xff)) return value === 0xff;
  throw new DerError('expected a boolean of DER, found another');
}

/** A small number that is not negative. */
export function countOf(item: DerItem): number {
  const { content } = expectTag(item, tags.integer);
  const [value = 0x80] = content;
  if (content.length === 1 && value < 0x80) return value;
  throw new DerError('expected a number below 128, found another');
}

function itemAt(bytes: Uint8Array, start: number): DerItem {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined)
    throw new DerError('expected a tag and a length, found the end');
  // §8.1.2.4: a tag of several bytes has no place in a certificate.
  if ((tag & 0x1f) === 0x1f) throw new DerError(`expected a tag of one byte, found ${hexOf(tag)}`);
  const { length, bytes: lengthBytes } = lengthAt(bytes, start + 1, first);
  const begin = start + 1 + lengthBytes;
  if (begin + length > bytes.length) {
    throw new DerError(`expected ${length} bytes, found ${bytes.length - begin}`);
  }
  return {
    tag,
    content: bytes.subarray(begin, begin + length),
    whole: bytes.subarray(start, begin + length),
  };
}

/** §10.1: the shortest form, and never the indefinite one. */
function lengthAt(bytes: Uint8Array, at: number, first: number) {
  if (first < 0x80) return { length: first, bytes: 1 };
  const count = first & 0x7f;
  const [high = 0, low = 0] = bytes.subarray(at + 1, at + 1 + count);
  const length = count === 1 ? high : high * 256 + low;
  const isShortest = count === 1 ? length >= 0x80 : count === 2 && length >= 0x100;
  if (!isShortest) throw new DerError(`expected the shortest length, of at most two bytes, found another`);
  return { length, bytes: 1 + count };
}

const hexOf = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;
