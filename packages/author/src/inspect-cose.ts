/**
 * COSE objects for people (RFC 9052): of an authentication block and of what is encrypted, which object it
 * is, by which algorithm, naming which keys.
 */

import type { Reader } from '@lapel/cbor';
import { hex, major } from '@lapel/cbor';
import type { Part } from './inspection.ts';
import { bytesOf, content, gather, items, one, pairs, shown } from './inspection.ts';
import { algorithmNames, coseTagNames, headerNames } from './inspection-names.ts';

/** @param reader over the COSE object, tag and all */
export function inspectBlock(reader: Reader, index: number): Part {
  const name = `block ${index + 1}`;
  let what = 'COSE object without a tag';
  const found = gather((add) => {
    if (reader.peek() === major.tag) {
      const tag = reader.tag();
      what = coseTagNames.get(tag) ?? `object with tag ${tag}`;
    }
    const body = one(reader);
    reader.finish();
    const count = body.array();
    add({ name: 'protected', ...headers(content(one(body))) });
    add({ name: 'unprotected', ...headers(one(body)) });
    if (count > 2) add(payload('payload', one(body)));
    for (let place = 3; place < count; place++) add(last(what, one(body)));
  });
  const known = ['alg', 'kid'].map((header) => valueOf(found.parts ?? [], header));
  return { name, value: [what, ...known.filter((each) => each !== undefined)].join(', '), ...found };
}

/** SUIT_Encryption_Info: how a content is encrypted, and for whom. */
export function inspectEncryption(reader: Reader): Omit<Part, 'name'> {
  let [what, count] = ['COSE object without a tag', 0];
  const found = gather((add) => {
    if (reader.peek() === major.tag) {
      const tag = reader.tag();
      what = coseTagNames.get(tag) ?? `object with tag ${tag}`;
    }
    reader.array();
    add({ name: 'protected', ...headers(content(one(reader))) });
    add({ name: 'unprotected', ...headers(one(reader)) });
    add(payload('ciphertext', one(reader)));
    count = reader.array();
    const parts: Part[] = [];
    add({ name: 'recipients', parts });
    for (let index = 0; index < count; index++) parts.push(recipient(reader, index));
    reader.finish();
  });
  const [header, unprotected] = found.parts ?? [];
  const outer = [...(header?.parts ?? []), ...(unprotected?.parts ?? [])];
  const algorithm = valueOf(outer, 'alg') ?? 'no algorithm';
  return { value: `${what}, ${algorithm}, ${count} ${count === 1 ? 'recipient' : 'recipients'}`, ...found };
}

/** Read where it stands: the examples of firmware-encryption-24 have their headers out of order. */
function recipient(reader: Reader, index: number): Part {
  reader.array();
  const parts: Part[] = [
    { name: 'protected', ...headers(content(one(reader))) },
    { name: 'unprotected', ...headers(reader) },
    { name: 'wrapped key', ...shown(one(reader)) },
  ];
  return { name: `${index + 1}`, parts };
}

function headers(reader: Reader): Pick<Part, 'parts' | 'error'> {
  // RFC 9052 §3: an empty protected header is a byte string of no bytes.
  if (reader.done) return { parts: [] };
  return pairs(reader, (key, value) => {
    const known = typeof key === 'number' ? headerNames.get(key) : undefined;
    const number = typeof key === 'number' ? { number: key } : {};
    const name = known ?? (typeof key === 'string' ? key : 'unknown');
    return { name, ...number, ...(key === 1 ? algorithm(value) : shown(value)) };
  });
}

function algorithm(reader: Reader): Pick<Part, 'value' | 'error'> {
  const { value, error } = shown(reader);
  const name = algorithmNames.get(Number(value));
  return error === undefined
    ? { value: name === undefined ? `unknown (${value})` : `${name} (${value})` }
    : { error };
}

/**
 * §8.3 of the manifest: the payload is the digest above, and is not repeated in the block. A ciphertext is
 * what travels.
 */
function payload(name: string, reader: Reader): Part {
  if (reader.peekNull()) return { name, value: 'detached' };
  return { name, ...shown(reader), error: `expected a detached ${name}, found one inside` };
}

function last(what: string, reader: Reader): Part {
  if (reader.peek() === major.bstr) {
    return {
      name: what.startsWith('COSE_Mac') ? 'tag' : 'signature',
      value: `h'${hex(bytesOf(content(reader)))}'`,
    };
  }
  return { name: what === 'COSE_Sign' ? 'signatures' : 'recipients', ...items(reader, signature) };
}

function signature(reader: Reader, index: number): Part {
  const found = gather((add) => {
    const count = reader.array();
    add({ name: 'protected', ...headers(content(one(reader))) });
    add({ name: 'unprotected', ...headers(one(reader)) });
    if (count > 2) add({ name: 'signature', ...shown(one(reader)) });
  });
  return { name: `${index + 1}`, ...found };
}

/** The value of a header, wherever in the block it is first named. */
function valueOf(parts: readonly Part[], header: string): string | undefined {
  for (const part of parts) {
    if (part.name === header && part.value !== undefined)
      return header === 'alg' ? part.value : `kid ${part.value}`;
    const inner = valueOf(part.parts ?? [], header);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
