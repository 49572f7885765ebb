/**
 * Links as servers tell them (RFC 6690): what there is, and what it is for. Read from anybody, so bounded and
 * to the letter of §2; written so that any reader takes them; filtered by a query as §4.1 says.
 */
import { bytesBody } from '../body.ts';
import type { Request, Response } from '../exchange.ts';
import { TransportError } from '../transport-error.ts';

export interface Link {
  /** A URI or a reference, as it stands between `<` and `>`; relative to where the links came from. */
  readonly target: string;
  /** In their order; one without a value is a flag. */
  readonly attributes: readonly (readonly [name: string, value: string | undefined])[];
}

export const linkFormat = 'application/link-format';

/** What one server of updates has is a dozen; a directory of a site has hundreds. */
const linksMax = 1024;
const attributesMax = 32;
const textLengthMax = 64 * 1024;

/** RFC 8288 §3; §2 of RFC 6690 for what stands without quotes. */
const name = /[A-Za-z0-9!#$&+.^_`|~-]+\*?/y;
const plainValue = /[A-Za-z0-9!#$%&'()*+./:<=>?@[\]^_`{|}~-]+/y;
const quotedValue = /"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"/uy;
const reference = /<(?<target>[^<>\s\p{Cc}]*)>/uy;

/** @throws {TransportError} `malformed` */
export function readLinks(text: string): readonly Link[] {
  if (text.length > textLengthMax)
    throw refused(`links of at most ${textLengthMax} characters`, `${text.length}`);
  const links: Link[] = [];
  let at = 0;
  /** What the expression finds here; nothing else moves on, so that each character is looked at once. */
  const take = (expression: RegExp): string | undefined => {
    expression.lastIndex = at;
    const found = expression.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const takeLiteral = (literal: string): boolean => {
    const isThere = text.startsWith(literal, at);
    if (isThere) at += literal.length;
    return isThere;
  };
  const valueHere = (): string => {
    const value = take(quotedValue) ?? take(plainValue);
    if (value === undefined) throw refused('the value of an attribute', placeIn(text, at));
    return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/gu, '$1') : value;
  };
  while (at < text.length) {
    if (links.length > 0 && !takeLiteral(',')) throw refused('a comma between links', placeIn(text, at));
    if (links.length === linksMax) throw refused(`at most ${linksMax} links`, 'more');
    const target = take(reference);
    if (target === undefined) throw refused('a target between < and >', placeIn(text, at));
    const attributes: [string, string | undefined][] = [];
    while (takeLiteral(';')) {
      if (attributes.length === attributesMax) throw refused(`at most ${attributesMax} attributes`, 'more');
      const attribute = take(name);
      if (attribute === undefined) throw refused('the name of an attribute', placeIn(text, at));
      attributes.push([attribute, takeLiteral('=') ? valueHere() : undefined]);
    }
    links.push({ target: target.slice(1, -1), attributes });
  }
  return links;
}

const refused = (expected: string, found: string) =>
  new TransportError('malformed', `expected ${expected}, found ${found}`);

const placeIn = (text: string, at: number) =>
  at === text.length ? 'the end' : `'${text.slice(at, at + 8)}' at character ${at}`;

/** @throws {TransportError} `malformed` where what is written could not be read again */
export function writeLinks(links: readonly Link[]): string {
  const written = links.map(({ target, attributes }) => {
    const parts = attributes.map(([key, value]) => {
      if (value === undefined) return `;${key}`;
      // §2: numbers stand as they are; whatever else is quoted, as some readers know no other way.
      const isNumber = /^[0-9]+$/.test(value);
      return `;${key}=${isNumber ? value : `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`}`;
    });
    return `<${target}>${parts.join('')}`;
  });
  const text = written.join(',');
  if (readLinks(text).length !== links.length) throw refused('targets without < and >', 'another');
  return text;
}

/** The value of the first such attribute; the empty text where it is a flag. */
export function attributeOf({ attributes }: Link, key: string): string | undefined {
  const found = attributes.find(([one]) => one === key);
  return found === undefined ? undefined : (found[1] ?? '');
}

/** §3, RFC 8288 §3.3: several names with spaces between; each of them may be asked for. */
const lists = new Set(['rel', 'rev', 'rt', 'if']);

/**
 * §4.1: the links that have what every parameter asks for. `href` is the target, and a star at the end stands
 * for any ending. Where RFC 9176 §6.2 speaks of several parameters, all must hold.
 */
export const filterLinks = (links: readonly Link[], query: ReadonlyMap<string, string>): readonly Link[] =>
  query.size === 0
    ? links
    : links.filter((link) => [...query].every(([key, pattern]) => isMatch(link, key, pattern)));

function isMatch(link: Link, key: string, pattern: string): boolean {
  const value = key === 'href' ? link.target : attributeOf(link, key);
  if (value === undefined) return false;
  const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined;
  const values = lists.has(key) ? value.split(' ') : [value];
  return values.some((one) => (prefix === undefined ? one === pattern : one.startsWith(prefix)));
}

/** The resource `/.well-known/core` (§4): those of the links that the query asks for, perhaps none. */
export const answerLinks = (links: readonly Link[], { query }: Pick<Request, 'query'>): Response => {
  const body = bytesBody(new TextEncoder().encode(writeLinks(filterLinks(links, query))));
  return { status: 'ok', contentType: linkFormat, size: body.bytes.length, body };
};
