/**
 * A CDDL (RFC 8610) that runs: one description of a message reads it, writes it and gives its type. Readers pull straight
 * from the bytes; a rule refuses anything it does not name, and says what it expected and found.
 */

import { CborError, UnknownKeyError } from './cbor-error.ts';
import type { Item } from './item.ts';
import { readItem, writeItem } from './item.ts';
import { KeyOrder, Reader, major } from './reader.ts';
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
  return {
    read(r) {
      const start = r.at;
      const value = r.bstr();
      if (value.length < min || value.length > max) {
        throw new CborError(`expected ${min === max ? min : `${min} to ${max}`} bytes, found ${value.length}`, start);
      }
      return value;
    },
    write: (w, value) => w.bstr(value),
  };
}

/** A text of at most `max` UTF-16 units. */
export function text(max: number): Schema<string> {
  return {
    read(r) {
      const start = r.at;
      const value = r.tstr();
      if (value.length > max) throw new CborError(`expected at most ${max} characters, found ${value.length}`, start);
      return value;
    },
    write: (w, value) => w.tstr(value),
  };
}

/** The one integer or text that may stand here. */
export function exactly<const T extends number | string>(expected: T): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const found = typeof expected === 'number' ? r.int() : r.tstr();
      if (found !== expected) throw new CborError(`expected ${expected}, found ${found}`, start);
      return expected;
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
    write: (w, name) => w.int(codes[name]!),
  };
}

/** A byte string that holds exactly one item: `bstr .cbor T`. */
export function embedded<T>(content: Schema<T>): Schema<T> {
  return {
    read(r) {
      const length = r.bstr().length;
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

export function array<T>(of: Schema<T>, { min = 0, max }: { min?: number; max: number }): Schema<readonly T[]> {
  return {
    read(r) {
      const start = r.at;
      const count = r.array();
      if (count < min || count > max) throw new CborError(`expected ${min} to ${max} items, found ${count}`, start);
      return Array.from({ length: count }, () => of.read(r));
    },
    write(w, values) {
      w.head(major.array, values.length);
      for (const value of values) of.write(w, value);
    },
  };
}

type InferAll<S extends readonly Schema<unknown>[]> = { readonly [K in keyof S]: Infer<S[K]> };

/** An array of just these items. */
export function tuple<const S extends readonly Schema<unknown>[]>(...parts: S): Schema<InferAll<S>> {
  return {
    read(r) {
      const start = r.at;
      const count = r.array();
      if (count !== parts.length) throw new CborError(`expected ${parts.length} items, found ${count}`, start);
      return parts.map((part) => part.read(r)) as unknown as InferAll<S>;
    },
    write(w, values) {
      w.head(major.array, parts.length);
      parts.forEach((part, index) => part.write(w, values[index]));
    },
  };
}

/** An array of one first item and up to `max` others: `[first, * rest]`. */
export function headed<A, B>(first: Schema<A>, rest: Schema<B>, max: number): Schema<readonly [A, ...B[]]> {
  return {
    read(r) {
      const start = r.at;
      const count = r.array();
      if (count < 1 || count > max + 1) {
        throw new CborError(`expected 1 to ${max + 1} items, found ${count}`, start);
      }
      const value: [A, ...B[]] = [first.read(r)];
      for (let left = count - 1; left > 0; left--) value.push(rest.read(r));
      return value;
    },
    write(w, [head, ...others]) {
      w.head(major.array, others.length + 1);
      first.write(w, head);
      for (const other of others) rest.write(w, other);
    },
  };
}

/** A choice that the first byte decides: dispatch instead of trial, so that the message is about the right branch. */
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

export interface Field<T, Optional extends boolean> {
  readonly key: number;
  readonly schema: Schema<T>;
  readonly optional: Optional;
}

export const required = <T>(key: number, schema: Schema<T>): Field<T, false> => ({ key, schema, optional: false });
export const optional = <T>(key: number, schema: Schema<T>): Field<T, true> => ({ key, schema, optional: true });

type Fields = Readonly<Record<string, Field<unknown, boolean>>>;
type FieldValue<F> = F extends Field<infer T, boolean> ? T : never;
type KeysWhere<F extends Fields, O extends boolean> = {
  [K in keyof F]: F[K]['optional'] extends O ? K : never;
}[keyof F];
export type MapOf<F extends Fields> = { readonly [K in KeysWhere<F, false>]: FieldValue<F[K]> } & {
  readonly [K in KeysWhere<F, true>]?: FieldValue<F[K]>;
};

/** What to do with a key that no field names: read its value and keep it under `rest`. */
export interface Rest<K, V> {
  readonly key: Schema<K>;
  readonly value: Schema<V>;
  readonly max: number;
}

/** A map with integer keys. A key that no field names is refused, with `UnknownKeyError`. */
export function map<const F extends Fields>(fields: F): Schema<MapOf<F>> {
  return mapRule(fields, undefined) as unknown as Schema<MapOf<F>>;
}

/** A map with integer keys and, behind them, pairs of another kind: `{ fields, * K => V }`. */
export function mapWithRest<const F extends Fields, K, V>(
  fields: F,
  rest: Rest<K, V>,
): Schema<MapOf<F> & { readonly rest: readonly (readonly [K, V])[] }> {
  return mapRule(fields, rest) as unknown as Schema<
    MapOf<F> & { readonly rest: readonly (readonly [K, V])[] }
  >;
}

type Values = Record<string, unknown>;

function mapRule<K, V>(fields: Fields, rest: Rest<K, V> | undefined): Schema<Values> {
  const names = new Map(Object.entries(fields).map(([name, field]) => [field.key, name]));
  const requiredNames = Object.keys(fields).filter((name) => !fields[name]!.optional);

  return {
    read(r) {
      const start = r.at;
      const values: Values = {};
      const others: (readonly [K, V])[] = [];
      const order = new KeyOrder(r);
      for (let left = r.map(); left > 0; left--) {
        const at = r.at;
        const name = r.peek() <= major.nint ? names.get(Number(r.integer())) : undefined;
        if (name !== undefined) {
          order.next(at);
          values[name] = fields[name]!.schema.read(r);
          continue;
        }
        r.at = at;
        if (rest === undefined || r.peek() <= major.nint) throw unknownKey(r, at, [...names.keys()]);
        if (others.length === rest.max) throw new CborError(`expected at most ${rest.max} further pairs`, at);
        const key = rest.key.read(r);
        order.next(at);
        others.push([key, rest.value.read(r)]);
      }
      for (const name of requiredNames) {
        if (!(name in values)) {
          throw new CborError(`expected key ${fields[name]!.key} (${name}), found none`, start);
        }
      }
      if (rest !== undefined) values['rest'] = others;
      return values;
    },
    write(w, values) {
      const pairs: (readonly [Uint8Array, Uint8Array])[] = [];
      for (const [name, field] of Object.entries(fields)) {
        if (values[name] !== undefined) pairs.push([write(int, field.key), write(field.schema, values[name])]);
        else if (!field.optional) throw new CborError(`expected a value for ${name}, found none`);
      }
      if (rest !== undefined) {
        for (const [key, value] of values['rest'] as readonly (readonly [K, V])[]) {
          pairs.push([write(rest.key, key), write(rest.value, value)]);
        }
      }
      w.sortedMap(pairs);
    },
  };
}

function unknownKey(r: Reader, at: number, known: readonly number[]): CborError {
  const key = r.peek() <= major.nint ? Number(r.integer()) : r.peek() === major.tstr ? r.tstr() : undefined;
  if (key === undefined) return new CborError('expected an integer key', at);
  return new UnknownKeyError(key, `one of the keys ${known.join(', ')}`, at);
}
