/** RFC 8949: any data item as a value, for headers nobody described and for people who look at bytes. */

import { CborError } from './cbor-error.ts';
import { KeyOrder, Reader, major, nestingMax } from './reader.ts';
import { Writer } from './writer.ts';

export type Item =
  | number
  | bigint
  | Uint8Array
  | string
  | boolean
  | null
  | undefined
  | readonly Item[]
  | ItemMap
  | Tagged
  | Float
  | Simple;

/** Keys are compared by identity where they are not primitive; the reader has already refused duplicates. */
export type ItemMap = ReadonlyMap<Item, Item>;

export class Tagged {
  readonly tag: number;
  readonly content: Item;
  constructor(tag: number, content: Item) {
    this.tag = tag;
    this.content = content;
  }
}

/** A floating-point number: JavaScript's numbers alone could not tell 1.0 from 1. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A simple value without a meaning of its own (§3.3). */
export class Simple {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** @throws {CborError} where `bytes` are not exactly one deterministically encoded item. */
export function decode(bytes: Uint8Array): Item {
  const reader = new Reader(bytes);
  const item = readItem(reader);
  reader.finish();
  return item;
}

export function encode(item: Item): Uint8Array {
  const writer = new Writer();
  writeItem(writer, item);
  return writer.finish();
}

export function readItem(reader: Reader, depth = 0): Item {
  if (depth > nestingMax) throw new CborError(`expected at most ${nestingMax} levels of nesting`, reader.at);
  switch (reader.peek()) {
    case major.uint:
    case major.nint:
      return reader.integer();
    case major.bstr:
      return reader.bstr();
    case major.tstr:
      return reader.tstr();
    case major.array:
      return Array.from({ length: reader.array() }, () => readItem(reader, depth + 1));
    case major.map: {
      const items = new Map<Item, Item>();
      const order = new KeyOrder(reader);
      for (let left = reader.map(); left > 0; left--) {
        const start = reader.at;
        const key = readItem(reader, depth + 1);
        order.next(start);
        items.set(key, readItem(reader, depth + 1));
      }
      return items;
    }
    case major.tag:
      return new Tagged(reader.tag(), readItem(reader, depth + 1));
    default:
      return readSimple(reader);
  }
}

export function writeItem(writer: Writer, item: Item): void {
  if (typeof item === 'number' || typeof item === 'bigint') writer.int(item);
  else if (item instanceof Uint8Array) writer.bstr(item);
  else if (typeof item === 'string') writer.tstr(item);
  else if (typeof item === 'boolean') writer.bool(item);
  else if (item === null) writer.null();
  else if (item === undefined) writer.byte(0xf7);
  else if (item instanceof Float) writeFloat(writer, item.value);
  else if (item instanceof Tagged) {
    writer.head(major.tag, item.tag);
    writeItem(writer, item.content);
  } else if (item instanceof Simple) {
    if (item.value >= 32) writer.byte(0xf8);
    writer.byte(item.value >= 32 ? item.value : 0xe0 | item.value);
  } else if (item instanceof Map) {
    writer.sortedMap([...(item as ItemMap)].map(([key, value]) => [encode(key), encode(value)]));
  } else {
    const items = item as readonly Item[];
    writer.head(major.array, items.length);
    for (const each of items) writeItem(writer, each);
  }
}

function readSimple(reader: Reader): Item {
  const start = reader.at;
  const { information, raw } = reader.simple();
  switch (information) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
      return null;
    case 23:
      return undefined;
    case 24:
      return new Simple(raw[0]!);
    case 25:
    case 26:
    case 27: {
      const value = floatFrom(raw);
      // §4.2.2: a float takes the shortest form that holds its value.
      const shortest = encode(new Float(value));
      if (shortest.length !== raw.length + 1) {
        throw new CborError('expected the shortest form of a floating-point number', start);
      }
      return new Float(value);
    }
    default:
      return new Simple(information);
  }
}

function floatFrom(raw: Uint8Array): number {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  if (raw.length === 8) return view.getFloat64(0);
  if (raw.length === 4) return view.getFloat32(0);
  return halfToNumber(view.getUint16(0));
}

function writeFloat(writer: Writer, value: number): void {
  const view = new DataView(new ArrayBuffer(8));
  const half = Number.isNaN(value) ? 0x7e00 : numberToHalf(value);
  if (half !== undefined) {
    view.setUint16(0, half);
    writer.byte(0xf9);
    writer.raw(new Uint8Array(view.buffer, 0, 2));
  } else if (Math.fround(value) === value) {
    view.setFloat32(0, value);
    writer.byte(0xfa);
    writer.raw(new Uint8Array(view.buffer, 0, 4));
  } else {
    view.setFloat64(0, value);
    writer.byte(0xfb);
    writer.raw(new Uint8Array(view.buffer, 0, 8));
  }
}

/** IEEE 754 binary16, RFC 8949 Appendix D. */
function halfToNumber(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** The binary16 that holds `value` exactly, if there is one. */
function numberToHalf(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Infinity) return sign | 0x7c00;
  if (size === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const scaled = size * 2 ** (10 - exponent);
  if (exponent > 15 || !Number.isInteger(scaled) || scaled > 2047) return undefined;
  return scaled < 1024 ? sign | scaled : sign | ((exponent + 15) << 10) | (scaled - 1024);
}
