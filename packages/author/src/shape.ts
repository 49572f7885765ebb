/**
 * What may stand at a place of a description, said once: a shape reads the value that was written there, and
 * tells editors what it would take (JSON Schema, draft 7, which most of them know).
 */

import type { Located } from './located.ts';
import {
  boolOf,
  intOf,
  isFields,
  isList,
  asWritten,
  isNumber,
  isText,
  itemsOf,
  pairsOf,
  refusal,
  textOf,
  uintOf,
} from './located.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
/** Schemas that stand in one place and are referred to by name. */
export type Definitions = Map<string, JsonSchema>;

export interface Shape<T> {
  /** @throws {DescriptionError} */
  read(located: Located): T;
  schema(definitions: Definitions): JsonSchema;
  /** Whether it is true or false: only where it is true, something is said. */
  readonly isFlag?: true;
}

/** A text of at least one character; a number is taken as the text that it was written as. */
export const text = (max: number): Shape<string> => ({
  read: (located) => textOf(located, max),
  schema: () => ({ type: ['string', 'number', 'boolean'], minLength: 1, maxLength: max }),
});

/** @param says what it is, for messages: `a UUID` */
export const pattern = (expression: RegExp, says: string, max: number): Shape<string> => ({
  read(located) {
    const value = textOf(located, max);
    if (isText(located) && expression.test(value)) return value;
    throw refusal(located, `expected ${located.name} to be ${says}, found ${JSON.stringify(value)}`);
  },
  schema: () => ({ type: 'string', pattern: expression.source, maxLength: max }),
});

/** A pattern that a number may follow, too: 1.10 is one, to whoever does not see how it was written. */
export const patternOrNumber = (expression: RegExp, says: string, max: number): Shape<string> => {
  const quoted = pattern(expression, says, max);
  return {
    read: (located) => quoted.read(asWritten(located)),
    schema: (definitions) => ({ anyOf: [quoted.schema(definitions), { type: 'number', minimum: 0 }] }),
  };
};

export const uint: Shape<number> = { read: uintOf, schema: () => ({ type: 'integer', minimum: 0 }) };
export const int: Shape<number> = { read: intOf, schema: () => ({ type: 'integer' }) };
export const flag: Shape<boolean> = {
  read: boolOf,
  schema: () => ({ type: 'boolean' }),
  isFlag: true,
};

export const choice = <const N extends string>(names: readonly N[]): Shape<N> => ({
  read(located) {
    const word = textOf(located, 256);
    const name = names.find((each) => each === word);
    if (name !== undefined) return name;
    throw refusal(located, `expected one of ${names.join(', ')}, found ${JSON.stringify(word)}`);
  },
  schema: () => ({ enum: names }),
});

export const list = <T>(
  item: Shape<T>,
  { min, max }: { readonly min: number; readonly max: number },
): Shape<readonly T[]> => ({
  read: (located) => itemsOf(located, { min, max }).map((each) => item.read(each)),
  schema: (definitions) => ({
    type: 'array',
    items: item.schema(definitions),
    minItems: min,
    maxItems: max,
  }),
});

/** A map whose keys the author chooses. */
export const byKey = <K, V>(
  key: Shape<K>,
  value: Shape<V>,
  max: number,
): Shape<readonly (readonly [K, V])[]> => ({
  read: (located) => pairsOf(located, max).map(([word, each]) => [key.read(word), value.read(each)] as const),
  schema: (definitions) => ({
    type: 'object',
    // Whatever a key was written as, to whoever reads the schema it is a text.
    propertyNames: { ...key.schema(definitions), type: 'string' },
    additionalProperties: value.schema(definitions),
    maxProperties: max,
  }),
});

/** One, or a list of them. */
export const oneOrMore = <T>(item: Shape<T>, max: number): Shape<readonly T[]> => {
  const many = list(item, { min: 1, max });
  return {
    read: (located) => (isList(located) ? many.read(located) : [item.read(located)]),
    schema: (definitions) => ({ anyOf: [item.schema(definitions), many.schema(definitions)] }),
  };
};

/** A list where one is written, `other` where none is. */
export const listOr = <A, B>(many: Shape<A>, other: Shape<B>): Shape<A | B> => ({
  read: (located) => (isList(located) ? many.read(located) : other.read(located)),
  schema: (definitions) => ({ anyOf: [many.schema(definitions), other.schema(definitions)] }),
});

/** A map where one is written, `other` where none is. */
export const mapOr = <A, B>(map: Shape<A>, other: Shape<B>): Shape<A | B> => ({
  read: (located) => (isFields(located) ? map.read(located) : other.read(located)),
  schema: (definitions) => ({ anyOf: [map.schema(definitions), other.schema(definitions)] }),
});

/** A number where one is written, `other` where none is. */
export const numberOr = <A, B>(number: Shape<A>, other: Shape<B>): Shape<A | B> => ({
  read: (located) => (isNumber(located) ? number.read(located) : other.read(located)),
  schema: (definitions) => ({
    anyOf: [number.schema(definitions), other.schema(definitions)],
  }),
});

/** @param to may refuse what only the value tells, and an editor does not see */
export const mapped = <A, B>(shape: Shape<A>, to: (value: A, located: Located) => B): Shape<B> => ({
  read: (located) => to(shape.read(located), located),
  schema: (definitions) => shape.schema(definitions),
});

/** With more for editors to check: what `shape` refuses in words of its own. */
export const seenAs = <T>(shape: Shape<T>, also: JsonSchema): Shape<T> => ({
  ...shape,
  schema: (definitions) => ({ ...shape.schema(definitions), ...also }),
});

export const named = <T>(name: string, shape: Shape<T>): Shape<T> => ({
  ...shape,
  schema(definitions) {
    if (!definitions.has(name)) {
      // Its place comes before those that it refers to itself.
      definitions.set(name, {});
      definitions.set(name, shape.schema(definitions));
    }
    return { $ref: `#/definitions/${name}` };
  },
});
