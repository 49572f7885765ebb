/**
 * A CDDL (RFC 8610) that runs: one description of a message reads it, writes it and gives its type. Readers
 * pull straight from the bytes; a rule refuses anything it does not name, and says what it expected and
 * found.
 */

import { CborError, shown } from './cbor-error.ts';
import type { Item } from './item.ts';
import { readItem, writeItem } from './item.ts';
import { Reader, major } from './reader.ts';
import { Writer } from './writer.ts';

export interface Schema<T> {
  /** @throws {CborError} */
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;

/** Reads exactly one item. @throws {CborError} */
export function read<T>(schema: Schema<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = schema.read(reader);
  reader.finish();
  return value;
}

export function write<T>(schema: Schema<T>, value: T): Uint8Array {
  const writer = new Writer();
  schema.write(writer, value);
  return writer.finish();
}

/** An unsigned integer up to 2^53-1. */
export const uint: Schema<number> = { read: (r) => r.uint(), write: (w, value) => w.head(major.uint, value) };
/** An integer of 53 bits. */
export const int: Schema<number> = { read: (r) => r.int(), write: (w, value) => w.int(value) };
export const bstr: Schema<Uint8Array> = { read: (r) => r.bstr(), write: (w, value) => w.bstr(value) };
export const tstr: Schema<string> = { read: (r) => r.tstr(), write: (w, value) => w.tstr(value) };
export const bool: Schema<boolean> = { read: (r) => r.bool(), write: (w, value) => w.bool(value) };
export const nil: Schema<null> = { read: (r) => r.null(), write: (w) => w.null() };
/** Any item, bounded in depth. */
export const item: Schema<Item> = { read: (r) => readItem(r), write: writeItem };

/** One encoded item, not looked into beyond its well-formedness. */
export const raw: Schema<Uint8Array> = { read: (r) => r.slice(), write: (w, value) => w.raw(value) };

/** A byte string of `min` to `max` bytes (of exactly `min` without `max`). */
export function bytes(min: number, max = min): Schema<Uint8Array> {
  return checked(bstr, ({ length }) => {
    if (length >= min && length <= max) return undefined;
    return `expected ${min === max ? min : `${min} to ${max}`} bytes, found ${length}`;
  });
}

/** A text of at most `max` UTF-16 units. */
export function text(max: number): Schema<string> {
  return checked(tstr, ({ length }) => {
    return length <= max ? undefined : `expected at most ${max} characters, found ${length}`;
  });
}

/** A rule with a condition on its value, which holds both ways: what would not be read is not written. */
function checked<T>(schema: Schema<T>, complaint: (value: T) => string | undefined): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const value = schema.read(r);
      const found = complaint(value);
      if (found !== undefined) throw new CborError(found, start);
      return value;
    },
    write(w, value) {
      const found = complaint(value);
      if (found !== undefined) throw new CborError(found);
      schema.write(w, value);
    },
  };
}

/** The one integer or text that may stand here. */
export function exactly<const T extends number | string>(expected: T): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const found = typeof expected === 'number' ? r.int() : r.tstr();
      if (found === expected) return expected;
      const what = typeof found === 'string' ? shown(found) : found;
      throw new CborError(`expected ${expected}, found ${what}`, start);
    },
    write: (w) => writeItem(w, expected),
  };
}

/** An integer that stands for a name; the table is the registry's. */
export function named<const Names extends Readonly<Record<string, number>>>(
  what: string,
  codes: Names,
): Schema<keyof Names & string> {
  const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]));
  return {
    read(r) {
      const start = r.at;
      const code = r.int();
      const name = names.get(code);
      if (name === undefined) throw new CborError(`expected a ${what}, found ${code}`, start);
      return name;
    },
    write(w, name) {
      const code = codes[name];
      if (code === undefined) throw new CborError(`expected a ${what}, found ${shown(name)}`);
      w.int(code);
    },
  };
}

/** A byte string that holds exactly one item: `bstr .cbor T`. */
export function embedded<T>(content: Schema<T>): Schema<T> {
  return {
    read(r) {
      const length = r.skipBstr();
      const inner = new Reader(r.bytes, r.at - length, r.at);
      const value = content.read(inner);
      inner.finish();
      return value;
    },
    write: (w, value) => w.bstr(write(content, value)),
  };
}

export function tagged<T>(tag: number, content: Schema<T>): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const found = r.peek() === major.tag ? r.tag() : undefined;
      if (found !== tag) throw new CborError(`expected tag ${tag}, found ${found ?? 'no tag'}`, start);
      return content.read(r);
    },
    write(w, value) {
      w.head(major.tag, tag);
      content.write(w, value);
    },
  };
}

/** An array of `min` to `max` items of one kind. */
export function array<T>(
  of: Schema<T>,
  { min = 0, max }: { min?: number; max: number },
): Schema<readonly T[]> {
  return {
    read(r) {
      const values: T[] = [];
      for (let left = countedItems(r, min, max); left > 0; left--) values.push(of.read(r));
      return values;
    },
    write(w, values) {
      writeCount(w, values.length, min, max);
      for (const value of values) of.write(w, value);
    },
  };
}

type InferAll<S extends readonly Schema<unknown>[]> = { readonly [K in keyof S]: Infer<S[K]> };

/** An array of just these items. */
export function tuple<const S extends readonly Schema<unknown>[]>(...parts: S): Schema<InferAll<S>> {
  return {
    read(r) {
      countedItems(r, parts.length, parts.length);
      return parts.map((part) => part.read(r)) as unknown as InferAll<S>;
    },
    write(w, values) {
      writeCount(w, values.length, parts.length, parts.length);
      parts.forEach((part, index) => part.write(w, values[index]));
    },
  };
}

/** An array of one first item and up to `max` others: `[first, * rest]`. */
export function headed<A, B>(first: Schema<A>, rest: Schema<B>, max: number): Schema<readonly [A, ...B[]]> {
  return {
    read(r) {
      const count = countedItems(r, 1, max + 1);
      const value: [A, ...B[]] = [first.read(r)];
      for (let left = count - 1; left > 0; left--) value.push(rest.read(r));
      return value;
    },
    write(w, [head, ...others]) {
      writeCount(w, others.length + 1, 1, max + 1);
      first.write(w, head);
      for (const other of others) rest.write(w, other);
    },
  };
}

function countedItems(r: Reader, min: number, max: number): number {
  const start = r.at;
  const count = r.array();
  if (count < min || count > max) throw miscounted(count, min, max, start);
  return count;
}

function writeCount(w: Writer, count: number, min: number, max: number): void {
  if (count < min || count > max) throw miscounted(count, min, max);
  w.head(major.array, count);
}

const miscounted = (count: number, min: number, max: number, at?: number) =>
  new CborError(`expected ${min === max ? min : `${min} to ${max}`} items, found ${count}`, at);

/**
 * A choice that the first byte decides: dispatch instead of trial, so that the message is about the right
 * branch.
 */
export function either<A, B>(
  isA: (r: Reader) => boolean,
  a: Schema<A>,
  b: Schema<B>,
  valueIsA: (value: A | B) => value is A,
): Schema<A | B> {
  return {
    read: (r) => (isA(r) ? a.read(r) : b.read(r)),
    write: (w, value) => (valueIsA(value) ? a.write(w, value) : b.write(w, value)),
  };
}

/** A rule whose value is wanted in another form. */
export function converted<A, B>(schema: Schema<A>, from: (a: A) => B, to: (b: B) => A): Schema<B> {
  return { read: (r) => from(schema.read(r)), write: (w, value) => schema.write(w, to(value)) };
}
