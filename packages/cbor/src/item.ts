/** RFC 8949: any data item as a value, for headers nobody described and for people who look at bytes. */

import { CborError } from './cbor-error.ts';
import { floatFrom } from './float.ts';
import { KeyOrder } from './key-order.ts';
import { Reader, major, nestingMax } from './reader.ts';
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

/** @throws {CborError} where the item is nested too deep, or holds what CBOR has no encoding for. */
export function encode(item: Item): Uint8Array {
  return encodeAt(item, 0);
}

export function readItem(reader: Reader, depth = 0): Item {
  if (depth > nestingMax)
    throw new CborError(`expected at most ${nestingMax} levels of nesting, found more`, reader.at);
  switch (reader.peek()) {
    case major.uint:
    case major.nint:
      return reader.integer();
    case major.bstr:
      return reader.bstr();
    case major.tstr:
      return reader.tstr();
    case major.array: {
      // Grown item by item: nested counts, each no more than the bytes that are left, would otherwise
      // multiply.
      const items: Item[] = [];
      for (let left = reader.array(); left > 0; left--) items.push(readItem(reader, depth + 1));
      return items;
    }
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

export function writeItem(writer: Writer, item: Item, depth = 0): void {
  if (depth > nestingMax) throw new CborError(`expected at most ${nestingMax} levels of nesting, found more`);
  if (typeof item === 'number' || typeof item === 'bigint') writer.int(item);
  else if (item instanceof Uint8Array) writer.bstr(item);
  else if (typeof item === 'string') writer.tstr(item);
  else if (typeof item === 'boolean') writer.bool(item);
  else if (item === null) writer.null();
  else if (item === undefined) writer.byte(0xf7);
  else if (item instanceof Float) writer.float(item.value);
  else if (item instanceof Simple) writer.simple(item.value);
  else if (item instanceof Tagged) {
    writer.head(major.tag, item.tag);
    writeItem(writer, item.content, depth + 1);
  } else if (item instanceof Map) {
    const encoded = (each: Item) => encodeAt(each, depth + 1);
    writer.sortedMap([...(item as ItemMap)].map(([key, value]) => [encoded(key), encoded(value)]));
  } else {
    const items = item as readonly Item[];
    writer.head(major.array, items.length);
    for (const each of items) writeItem(writer, each, depth + 1);
  }
}

function encodeAt(item: Item, depth: number): Uint8Array {
  const writer = new Writer();
  writeItem(writer, item, depth);
  return writer.finish();
}

function readSimple(reader: Reader): Item {
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
    case 27:
      return new Float(floatFrom(raw));
    default:
      return new Simple(information);
  }
}
