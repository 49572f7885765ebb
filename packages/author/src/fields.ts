/** Shapes of maps: the keys that one may have, and what they demand of each other. */

import type { Located } from './located.ts';
import { fieldsOf, refusal } from './located.ts';
import type { JsonSchema, Shape } from './shape.ts';

/** A key of a map. */
export interface Field<T, Needed extends boolean = boolean> {
  readonly shape: Shape<T>;
  /** What an editor says of it. */
  readonly tells: string;
  readonly needed: Needed;
  /** The key with a value, for whoever forgot it. */
  readonly example: string;
}

export const optional = <T>(tells: string, shape: Shape<T>): Field<T, false> => ({
  shape,
  tells,
  needed: false,
  example: '',
});
export const required = <T>(tells: string, shape: Shape<T>, example: string): Field<T, true> => ({
  shape,
  tells,
  needed: true,
  example,
});

export type Rows = Readonly<Record<string, Field<unknown>>>;

/** The values of a map, the places where they stand, and the place of the map. */
export interface Given<R extends Rows> {
  readonly value: {
    readonly [K in keyof R]: R[K] extends Field<infer T, infer Needed>
      ? Needed extends true
        ? T
        : T | undefined
      : never;
  };
  readonly at: { readonly [K in keyof R]?: Located };
  readonly whole: Located;
}

/** What several keys of one map demand of each other. */
export interface Rule<K extends string> {
  /** @param given where the key stands, if it does; a flag only where it is true */
  check(given: (key: K) => Located | undefined, whole: Located): void;
  schema(present: (key: K) => JsonSchema): JsonSchema;
}

/** A map with these keys and no others. @param called what it is called in messages */
export const fields = <const R extends Rows>(
  called: string,
  rows: R,
  rules: readonly Rule<keyof R & string>[] = [],
): Shape<Given<R>> => {
  const keys = Object.keys(rows) as (keyof R & string)[];
  const needed = keys.filter((key) => rows[key]?.needed);
  const isFlag = (key: string) => rows[key]?.shape.isFlag === true;
  return {
    read(located) {
      const whole = { ...located, name: called };
      const at = fieldsOf<keyof R & string>(whole, keys);
      for (const key of needed) {
        if (at[key] !== undefined) continue;
        throw refusal(whole, `expected the key ${key}, such as ${rows[key]?.example}, found none`);
      }
      // What stands where it must not is told before what is wrong in it.
      const given = (key: string) =>
        isFlag(key) && at[key] !== undefined && rows[key]?.shape.read(at[key]) !== true ? undefined : at[key];
      for (const rule of rules) rule.check(given, whole);
      const value: Readonly<Record<string, unknown>> = Object.fromEntries(
        keys.map((key) => [key, at[key] === undefined ? undefined : rows[key]?.shape.read(at[key])]),
      );
      return { value, at, whole } as Given<R>;
    },
    schema(definitions) {
      const properties = keys.map((key) => [
        key,
        { description: rows[key]?.tells, ...rows[key]?.shape.schema(definitions) },
      ]);
      const present = (key: string): JsonSchema =>
        isFlag(key) ? { properties: { [key]: { const: true } }, required: [key] } : { required: [key] };
      return {
        type: 'object',
        properties: Object.fromEntries(properties) as JsonSchema,
        additionalProperties: false,
        ...(needed.length === 0 ? {} : { required: needed }),
        ...(rules.length === 0 ? {} : { allOf: rules.map((rule) => rule.schema(present)) }),
      };
    },
  };
};

/** None of `keys` stands beside one of `others`, but where `unless` does. */
export const apart = <const K extends string>(
  keys: readonly K[],
  others: readonly K[],
  message: (found: Located, other: Located) => string,
  unless?: K,
): Rule<K> => ({
  check(given) {
    if (unless !== undefined && given(unless) !== undefined) return;
    for (const key of keys) {
      for (const other of others) {
        const [found, beside] = [given(key), given(other)];
        if (found !== undefined && beside !== undefined) throw refusal(found, message(found, beside));
      }
    }
  },
  schema(present) {
    const either = (some: readonly K[]) => ({ anyOf: some.map(present) });
    const neither = { not: { allOf: [either(keys), either(others)] } };
    return unless === undefined ? neither : { anyOf: [present(unless), neither] };
  },
});

/** Where one of `keys` stands, one of `others` does. */
export const needs = <const K extends string>(
  keys: readonly K[],
  others: readonly K[],
  message: (found: Located) => string,
): Rule<K> => ({
  check(given) {
    if (others.some((other) => given(other) !== undefined)) return;
    const found = keys.map(given).find((each) => each !== undefined);
    if (found !== undefined) throw refusal(found, message(found));
  },
  schema: (present) => ({ anyOf: [{ not: { anyOf: keys.map(present) } }, ...others.map(present)] }),
});

/** One of `keys` stands there. */
export const some = <const K extends string>(keys: readonly K[], message: string): Rule<K> => ({
  check(given, whole) {
    if (keys.every((key) => given(key) === undefined)) throw refusal(whole, message);
  },
  schema: (present) => ({ anyOf: keys.map(present) }),
});

/** An object without the keys whose values are absent. */
export const told = <T extends object>(values: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
