/** Maps of a running CDDL: fields by integer key, and pairs of another kind behind them. */

import { CborError, UnknownKeyError } from './cbor-error.ts';
import type { Reader } from './reader.ts';
import { KeyOrder } from './key-order.ts';
import { major } from './reader.ts';
import type { Schema } from './schema.ts';
import { int, write } from './schema.ts';

export interface Field<T, Optional extends boolean> {
  readonly key: number;
  readonly schema: Schema<T>;
  readonly optional: Optional;
}

export const required = <T>(key: number, schema: Schema<T>): Field<T, false> => ({
  key,
  schema,
  optional: false,
});
export const optional = <T>(key: number, schema: Schema<T>): Field<T, true> => ({
  key,
  schema,
  optional: true,
});

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
          // A field without a value is an absent one, so a field that is there has one.
          if (values[name] === undefined) throw new CborError(`expected a value for ${name}, found none`, at);
          continue;
        }
        r.at = at;
        if (rest === undefined || r.peek() <= major.nint) throw unknownKey(r, at, [...names.keys()]);
        if (others.length === rest.max)
          throw new CborError(`expected at most ${rest.max} further pairs, found more`, at);
        const key = rest.key.read(r);
        order.next(at);
        others.push([key, rest.value.read(r)]);
      }
      for (const name of requiredNames) {
        if (values[name] === undefined) {
          throw new CborError(`expected key ${fields[name]!.key} (${name}), found none`, start);
        }
      }
      if (rest !== undefined) values['rest'] = others;
      return values;
    },
    write(w, values) {
      const pairs: (readonly [Uint8Array, Uint8Array])[] = [];
      for (const [name, field] of Object.entries(fields)) {
        if (values[name] !== undefined)
          pairs.push([write(int, field.key), write(field.schema, values[name])]);
        else if (!field.optional) throw new CborError(`expected a value for ${name}, found none`);
      }
      if (rest !== undefined) {
        const others = values['rest'] as readonly (readonly [K, V])[];
        if (others.length > rest.max)
          throw new CborError(`expected at most ${rest.max} further pairs, found more`);
        for (const [key, value] of others) {
          pairs.push([write(rest.key, key), write(rest.value, value)]);
        }
      }
      w.sortedMap(pairs);
    },
  };
}

function unknownKey(r: Reader, at: number, known: readonly number[]): CborError {
  const key = r.peek() <= major.nint ? Number(r.integer()) : r.peek() === major.tstr ? r.tstr() : undefined;
  if (key === undefined) return new CborError('expected an integer key, found another', at);
  return new UnknownKeyError(key, `one of the keys ${known.join(', ')}`, at);
}
