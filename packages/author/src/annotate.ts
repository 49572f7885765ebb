/**
 * An envelope item by item: where each stands, its bytes, and what it means in diagnostic notation (RFC 8949
 * §8) with the registry's names as comments. Byte strings that hold CBOR by the draft are opened (`<<…>>`).
 */

import { CborError, Reader, decode, diagnostic, major } from '@lapel/cbor';
import type { Names } from './inspection-names.ts';
import {
  coseTagNames,
  commandNames,
  commonNames,
  componentTextNames,
  envelopeNames,
  headerNames,
  manifestNames,
  parameterNames,
  textNames,
} from './inspection-names.ts';

export interface AnnotatedLine {
  readonly offset: number;
  /** Its own: of a map or an array, its head and the key before it. */
  readonly bytes: Uint8Array;
  readonly depth: number;
  readonly notation: string;
  readonly error?: true;
}

/** What an item is expected to be; where it is something else, it is shown as it is. */
type Shape =
  | { readonly is: 'map'; readonly names: Names; readonly value: (key: number | undefined) => Shape }
  | { readonly is: 'array'; readonly item: (index: number) => readonly [name: string, shape: Shape] }
  | { readonly is: 'commands' }
  | { readonly is: 'tagged'; readonly names: Names; readonly inner: Shape }
  /** A byte string that holds CBOR. */
  | { readonly is: 'wrapped'; readonly inner: Shape }
  | { readonly is: 'any' };

const any: Shape = { is: 'any' };
const wrapped = (inner: Shape): Shape => ({ is: 'wrapped', inner });
const map = (names: Names, values: Readonly<Record<number, Shape>> = {}, other: Shape = any): Shape => ({
  is: 'map',
  names,
  value: (key) => (key === undefined ? other : (values[key] ?? any)),
});
const list = (...items: readonly (readonly [string, Shape])[]): Shape => ({
  is: 'array',
  item: (index) => items[Math.min(index, items.length - 1)] ?? ['', any],
});

const digest = list(['algorithm', any], ['digest', any]);
const headers = map(headerNames);
const cose: Shape = {
  is: 'tagged',
  names: coseTagNames,
  inner: list(['protected', wrapped(headers)], ['unprotected', headers], ['payload', any], ['seal', any]),
};
const parameters = map(parameterNames, { 3: wrapped(digest) });
const sequence = wrapped({ is: 'commands' });
const texts = wrapped(map(new Map(), {}, map(textNames, {}, map(componentTextNames))));
const elements: Readonly<Record<number, Shape>> = {
  ...Object.fromEntries([7, 8, 9, 15, 16, 18, 20, 24].map((key) => [key, sequence])),
  23: texts,
};
const common = wrapped(map(commonNames, { 4: sequence }));
const envelope: Shape = {
  is: 'tagged',
  names: new Map([[107, 'SUIT_Envelope']]),
  inner: map(envelopeNames, {
    ...elements,
    2: wrapped(list(['digest', wrapped(digest)], ['block', wrapped(cose)])),
    3: wrapped(map(manifestNames, { ...elements, 3: common })),
  }),
};

/** Arguments of commands that are no reporting policy. */
const commandArguments: Readonly<Record<number, Shape>> = {
  15: list(['alternative', sequence]),
  19: parameters,
  20: parameters,
  32: sequence,
  34: map(new Map(), {}, parameters),
};

/** Never throws on what was sent to it: what can't be read is the last line, with all that is left. */
export function annotate(bytes: Uint8Array): readonly AnnotatedLine[] {
  const lines: AnnotatedLine[] = [];
  const reader = new Reader(bytes);
  try {
    walk(reader, envelope, { lines, depth: 0, from: 0, before: '' });
    reader.finish();
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    const last = lines.findLast((line) => line.bytes.length > 0);
    const offset = last === undefined ? 0 : last.offset + last.bytes.length;
    lines.push({ offset, bytes: bytes.subarray(offset), depth: 0, notation: error.message, error: true });
  }
  return lines;
}

interface Spot {
  readonly lines: AnnotatedLine[];
  readonly depth: number;
  /** Where the line begins: at the key, where there is one. */
  readonly from: number;
  /** The key and its name. */
  readonly before: string;
}

function walk(reader: Reader, shape: Shape, spot: Spot): void {
  const { lines, depth, before } = spot;
  const add = (notation: string) => {
    const bytes = reader.bytes.subarray(spot.from, reader.at);
    lines.push({ offset: spot.from, bytes, depth, notation: `${before}${notation}` });
  };
  const close = (notation: string) => {
    lines.push({ offset: reader.at, bytes: new Uint8Array(), depth, notation });
  };
  const found = reader.peek();
  if (shape.is === 'tagged' && found === major.tag) {
    const tag = reader.tag();
    const name = comment(shape.names.get(tag));
    walk(reader, shape.inner, { ...spot, before: `${before}${name}${tag}(` });
    return close(')');
  }
  if (shape.is === 'wrapped' && found === major.bstr)
    return walkWrapped(reader, shape.inner, spot, add, close);
  if (shape.is === 'map' && found === major.map) {
    const count = reader.map();
    add('{');
    for (let left = count; left > 0; left--) walkPair(reader, shape, spot);
    return close('}');
  }
  if ((shape.is === 'array' || shape.is === 'commands') && found === major.array) {
    const count = reader.array();
    add('[');
    if (shape.is === 'commands') walkCommands(reader, count, spot);
    else {
      for (let index = 0; index < count; index++) {
        const [name, inner] = shape.item(index);
        walk(reader, inner, { lines, depth: depth + 1, from: reader.at, before: comment(name) });
      }
    }
    return close(']');
  }
  const start = reader.at;
  reader.skip();
  add(diagnostic(decode(reader.bytes.subarray(start, reader.at))));
}

function walkWrapped(
  reader: Reader,
  inner: Shape,
  spot: Spot,
  add: (notation: string) => void,
  close: (notation: string) => void,
): void {
  const length = reader.head(major.bstr);
  // RFC 9052 §3: an empty protected header is a byte string of no bytes.
  if (length === 0) return add("h''");
  add('<<');
  const end = reader.at + length;
  const content = new Reader(reader.bytes, reader.at, Math.min(end, reader.end));
  walk(content, inner, { lines: spot.lines, depth: spot.depth + 1, from: content.at, before: '' });
  content.finish();
  if (end > reader.end) {
    throw new CborError(`expected ${end - reader.end} more bytes, found none`, reader.end);
  }
  reader.at = end;
  close('>>');
}

function walkPair(
  reader: Reader,
  { names, value }: Extract<Shape, { is: 'map' }>,
  { lines, depth }: Spot,
): void {
  const from = reader.at;
  reader.skip();
  const key = decode(reader.bytes.subarray(from, reader.at));
  const number = typeof key === 'number' ? key : undefined;
  const before = `${comment(number === undefined ? undefined : names.get(number))}${diagnostic(key)}: `;
  walk(reader, value(names.size === 0 ? undefined : number), { lines, depth: depth + 1, from, before });
}

function walkCommands(reader: Reader, count: number, { lines, depth }: Spot): void {
  for (let left = count; left > 1; left -= 2) {
    const from = reader.at;
    const code = reader.int();
    const before = `${comment(commandNames.get(code))}${code}, `;
    walk(reader, commandArguments[code] ?? any, { lines, depth: depth + 1, from, before });
  }
}

const comment = (name: string | undefined): string =>
  name === undefined || name === '' ? '' : `/ ${name} / `;
