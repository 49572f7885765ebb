/** Shapes of values that stand in more than one place of a description. */

import { unhex } from '@lapel/cbor';
import type { ComponentIdentifier, Version, VersionMatch, comparisons } from '@lapel/suit';
import { uuidBytes } from '@lapel/suit';
import { refusal } from './located.ts';
import type { Shape } from './shape.ts';
import {
  list,
  mapped,
  named,
  numberOr,
  oneOrMore,
  pattern,
  patternOrNumber,
  seenAs,
  text,
  uint,
} from './shape.ts';

const pathLengthMax = 4096;
const uriLengthMax = 2048;
export const nameLengthMax = 256;
const identifierPartsMax = 16;
const identifierPartBytesMax = 256;
const literalBytesMax = 4096;
const versionMatchesMax = 8;
const recipientsMax = 10_000;

export const path: Shape<string> = text(pathLengthMax);
/** Of the keys of those who may read it. */
export const recipients: Shape<readonly string[]> = list(path, { min: 1, max: recipientsMax });
export const uri: Shape<string> = text(uriLengthMax);

const utf8 = new TextEncoder();
/** `h'00ff'` stands for bytes, as in diagnostic notation, any other text for its own. */
const textOrBytes = "^(?!h'.*'$)|^h'(?:[0-9a-fA-F]{2})*'$";

/** The bytes that a text stands for, or undefined where it stands for none. */
function bytesOf(value: string): Uint8Array | undefined {
  const digits = /^h'(?<digits>.*)'$/.exec(value)?.groups?.['digits'];
  return digits === undefined ? utf8.encode(value) : unhex(digits);
}

const identifierPart: Shape<Uint8Array> = mapped(
  seenAs(text(2 * identifierPartBytesMax + 3), { pattern: textOrBytes }),
  (value, located) => {
    const bytes = bytesOf(value);
    if (bytes !== undefined && bytes.length <= identifierPartBytesMax) return bytes;
    const most = `a part of an identifier of at most ${identifierPartBytesMax} bytes`;
    throw refusal(located, `expected ${most}, found ${value}`);
  },
);

/** A text, or a list of texts. */
export const identifier: Shape<ComponentIdentifier> = named(
  'identifier',
  oneOrMore(identifierPart, identifierPartsMax),
);

/** Bytes that travel in the manifest itself. */
export const literal: Shape<Uint8Array> = named(
  'bytes',
  mapped(seenAs(text(2 * literalBytesMax + 3), { pattern: textOrBytes }), (value, located) => {
    const bytes = bytesOf(value);
    if (bytes !== undefined && bytes.length <= literalBytesMax) return bytes;
    const most = `a text or, as h'00ff', bytes, of at most ${literalBytesMax} bytes`;
    throw refusal(located, `expected ${located.name} to be ${most}, found ${value.slice(0, 60)}`);
  }),
);

/** Dashes where people write them, or none at all. */
export const uuidPattern = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$|^[0-9a-fA-F]{32}$/;
export const uuid: Shape<Uint8Array> = mapped(
  pattern(uuidPattern, 'a UUID', nameLengthMax),
  (value) => uuidBytes(value) ?? new Uint8Array(),
);

const enterprise = /^(?!pen:)|^pen:[1-9]\d{0,9}$/;
/** A name that an identifier is made from, or one that is written out. */
export const vendorName: Shape<string> = mapped(
  seenAs(text(nameLengthMax), { pattern: enterprise.source }),
  (value, located) => {
    if (enterprise.test(value)) return value;
    throw refusal(located, `expected an enterprise number such as pen:32473, found ${value}`);
  },
);

const time = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/;
const example = '2027-01-31, 2027-01-31T12:00Z or seconds since 1970';

/** A moment, in seconds since 1970. A day is the moment that it begins with, in UTC. */
export const moment: Shape<number> = named(
  'moment',
  numberOr(
    uint,
    mapped(pattern(time, `a time such as ${example}`, nameLengthMax), (value, located) => {
      const seconds = Math.floor(Date.parse(value) / 1000);
      // 31 February is read as a day in March.
      const [day = ''] = value.split('T');
      const isDay = Date.parse(day) >= 0 && new Date(Date.parse(day)).toISOString().startsWith(day);
      if (isDay && Number.isSafeInteger(seconds) && seconds >= 0) return seconds;
      throw refusal(located, `expected ${located.name} to be a time such as ${example}, found ${value}`);
    }),
  ),
);

/** Update-management §4.4: at most 16 numbers in all. */
const versionForm = '\\d{1,15}(?:\\.\\d{1,15}){0,7}(?:-(?:rc|beta|alpha)(?:\\.\\d{1,15}){0,7})?';
const releases: Readonly<Record<string, number>> = { rc: -1, beta: -2, alpha: -3 };

function versionOf(value: string): Version {
  const [numbers = '', ...rest] = value.split('-');
  const [release, ...more] = rest.join('-').split('.');
  const indicator = release === undefined ? undefined : releases[release];
  return [
    ...numbers.split('.').map(Number),
    ...(indicator === undefined ? [] : [indicator, ...more.map(Number)]),
  ];
}

/** `1.2.3` or `1.2-rc.3`. */
export const version: Shape<Version> = named(
  'version',
  mapped(
    patternOrNumber(new RegExp(`^${versionForm}$`), 'a version such as 1.2.3 or 1.2-rc.1', nameLengthMax),
    versionOf,
  ),
);

/** The five signs of update-management §3.3. */
const signs: Readonly<Record<string, keyof typeof comparisons>> = {
  '>': 'greater',
  '>=': 'greater-or-equal',
  '=': 'equal',
  '<=': 'lesser-or-equal',
  '<': 'lesser',
};

const versionMatch: Shape<VersionMatch> = mapped(
  pattern(
    new RegExp(`^(?:[<>]=?|=) ?${versionForm}$`),
    'one of > >= = <= < and a version, such as ">=1.2"',
    nameLengthMax,
  ),
  (value) => {
    const sign = /^[<>=]+/.exec(value)?.[0] ?? '';
    return [signs[sign] ?? 'equal', versionOf(value.slice(sign.length).trim())];
  },
);

export const versionMatches: Shape<readonly VersionMatch[]> = named(
  'versionMatches',
  oneOrMore(versionMatch, versionMatchesMax),
);

export const signOf = (comparison: keyof typeof comparisons): string =>
  Object.keys(signs).find((sign) => signs[sign] === comparison) ?? '=';

/** Words that people read, and no control characters (update-management §4.6). */
export const isForPeople = (value: string): boolean => /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u.test(value);
