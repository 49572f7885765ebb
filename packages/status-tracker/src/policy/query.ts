/**
 * Which devices a campaign is for: a question about attributes, as a bounded tree. `query-text.ts` reads it;
 * here it is written in its one form, which is what an operator signs, and answered. What a device has not
 * told makes a comparison unknown, not false, so that `not` can't turn ignorance into a match (Kleene's
 * three values); only what is known to be true matches.
 */
import { classIdentifier, uuidBytes, uuidText, vendorIdentifier } from '@lapel/suit';
import type { ReadVersion } from './version-order.ts';
import { compareVersions, readVersion } from './version-order.ts';

export const comparisonNames = ['==', '!=', '<', '<=', '>', '>='] as const;
export type Comparison = (typeof comparisonNames)[number];
export type Literal = string | number;

export type Query =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  | { readonly kind: 'exists'; readonly attribute: string }
  | {
      readonly kind: 'compare';
      readonly attribute: string;
      readonly comparison: Comparison;
      readonly literal: Literal;
    }
  | { readonly kind: 'in'; readonly attribute: string; readonly literals: readonly Literal[] };

/** What an attribute holds, and so what it may be compared with. */
export type AttributeKind = 'text' | 'number' | 'version';

/** What a device may be asked about; further ones are `tag.NAME`, which are text. */
export const attributeKinds: Readonly<Record<string, AttributeKind>> = {
  id: 'text',
  vendor: 'text',
  class: 'text',
  version: 'version',
  sequence: 'number',
  state: 'text',
  mode: 'text',
  hardware: 'text',
  zone: 'text',
  flash: 'number',
  memory: 'number',
  battery: 'number',
};

const tagForm = /^tag\.[a-z0-9_-]{1,32}$/;
export const isTag = (attribute: string): boolean => tagForm.test(attribute);

export const kindOf = (attribute: string): AttributeKind | undefined =>
  isTag(attribute)
    ? 'text'
    : Object.hasOwn(attributeKinds, attribute)
      ? attributeKinds[attribute]
      : undefined;

/** By name. */
export interface Attributes {
  /** @returns undefined where the device has not told. */
  get(name: string): Literal | undefined;
  /** @returns undefined where nobody here can know. */
  has(name: string): boolean | undefined;
}

/** Whether it asks for what only the tracker knows. */
export function asksForTags(query: Query): boolean {
  if ('parts' in query) return query.parts.some(asksForTags);
  return 'part' in query ? asksForTags(query.part) : isTag(query.attribute);
}

/** Whether the device is known to be meant. */
export const matches = (query: Query, attributes: Attributes): boolean => answer(query, attributes) === true;

/** @returns undefined where the attributes don't tell. */
export function answer(query: Query, attributes: Attributes): boolean | undefined {
  switch (query.kind) {
    case 'and':
      return every(query.parts.map((part) => answer(part, attributes)));
    case 'or':
      return negated(every(query.parts.map((part) => negated(answer(part, attributes)))));
    case 'not':
      return negated(answer(query.part, attributes));
    case 'exists':
      return attributes.has(query.attribute);
    case 'compare':
      return compared(query.attribute, query.comparison, query.literal, attributes);
    case 'in':
      return negated(
        every(query.literals.map((literal) => compared(query.attribute, '!=', literal, attributes))),
      );
  }
}

const negated = (value: boolean | undefined) => (value === undefined ? undefined : !value);

function every(values: readonly (boolean | undefined)[]): boolean | undefined {
  if (values.includes(false)) return false;
  return values.includes(undefined) ? undefined : true;
}

function compared(
  attribute: string,
  comparison: Comparison,
  literal: Literal,
  attributes: Attributes,
): boolean | undefined {
  const found = attributes.get(attribute);
  if (found === undefined) return undefined;
  if (attribute === 'class' || attribute === 'vendor') {
    const isSame = found === identifierText(attribute, String(literal), attributes);
    return comparison === '==' ? isSame : !isSame;
  }
  const order = orderOf(attribute, found, literal);
  return order === undefined ? undefined : holds(comparison, order);
}

function orderOf(attribute: string, found: Literal, literal: Literal): number | undefined {
  if (typeof found === 'number' && typeof literal === 'number') return found - literal;
  if (kindOf(attribute) === 'version') {
    const versions: readonly (ReadVersion | undefined)[] = [found, literal].map((each) =>
      readVersion(String(each)),
    );
    const [a, b] = versions;
    return a === undefined || b === undefined ? undefined : compareVersions(a, b);
  }
  return found === literal ? 0 : 1;
}

function holds(comparison: Comparison, order: number): boolean {
  switch (comparison) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Classes and vendors go by their UUID, or by the name that it was made of (manifest §8.4.8.2). */
function identifierText(attribute: 'class' | 'vendor', name: string, attributes: Attributes): string {
  if (uuidForm.test(name)) return name;
  if (attribute === 'vendor') return uuidText(vendorIdentifier(name));
  const vendor = uuidBytes(String(attributes.get('vendor') ?? ''));
  return vendor === undefined ? name : uuidText(classIdentifier(vendor, name));
}

/** The one text of a query: what is signed, and what two operators compare. */
export function queryText(query: Query): string {
  switch (query.kind) {
    case 'and':
    case 'or':
      return query.parts.map((part) => inner(part, query.kind)).join(` ${query.kind} `);
    case 'not':
      return `not ${inner(query.part, 'not')}`;
    case 'exists':
      return `exists ${query.attribute}`;
    case 'compare':
      return `${query.attribute} ${query.comparison} ${literalText(query.literal)}`;
    case 'in':
      return `${query.attribute} in (${query.literals.map(literalText).join(', ')})`;
  }
}

/** `or` binds weakest, then `and`, then `not`. */
function inner(query: Query, within: 'and' | 'or' | 'not'): string {
  const binds = { or: 0, and: 1, not: 2, exists: 3, compare: 3, in: 3 };
  const text = queryText(query);
  return binds[query.kind] < binds[within] ? `(${text})` : text;
}

const literalText = (literal: Literal): string =>
  typeof literal === 'number' ? `${literal}` : `"${literal.replaceAll(/["\\]/g, '\\$&')}"`;
