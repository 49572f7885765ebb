/**
 * An envelope for people: every element by its registered name, from the bytes alone, with no key.
 * Digests are compared, since that needs no key either; who signed is for `verifyEnvelope` to say. It
 * never throws on what was sent to it.
 */

import { Reader, hex, major } from '@lapel/cbor';
import type { DigestAlgorithm } from '@lapel/cose';
import { digest, digestAlgorithms } from '@lapel/cose';
import { inspectBlock } from './inspect-cose.ts';
import { componentsOf, inspectElement, inspectManifest } from './inspect-manifest.ts';
import { inspectDigest } from './inspect-sequence.ts';
import type { Part } from './inspection.ts';
import { bytesOf, content, gather, one, pairs, shown } from './inspection.ts';
import { envelopeNames } from './inspection-names.ts';

const envelopeTag = 107;
const element = { 'authentication-wrapper': 2, manifest: 3 } as const;

export function inspectEnvelope(bytes: Uint8Array): Part {
  const elements = elementsOf(bytes);
  const found = gather((add) => {
    const reader = new Reader(bytes);
    if (reader.peek() !== major.tag) add({ name: 'tag', error: `expected tag ${envelopeTag}, found none` });
    else {
      const tag = reader.tag();
      if (tag !== envelopeTag) add({ name: 'tag', value: `${tag}`, error: `expected tag ${envelopeTag}` });
    }
    const inner = pairs(reader, (key, value) => describe(key, value, elements));
    inner.parts?.forEach(add);
    if (inner.error !== undefined) add({ name: 'unreadable', error: inner.error });
    if (inner.error !== undefined || inner.parts?.some(({ error }) => error !== undefined)) return;
    for (const [name, key] of Object.entries(element)) {
      if (!elements.has(key)) add({ name, number: key, error: 'expected this element, found none' });
    }
    reader.finish();
  });
  return { name: 'envelope', number: envelopeTag, value: `${bytes.length} bytes`, ...found };
}

/** The encoded values of an envelope by key, as far as it can be read. */
type Elements = ReadonlyMap<unknown, Reader>;

function elementsOf(bytes: Uint8Array): Elements {
  const found = new Map<unknown, Reader>();
  gather(() => {
    const reader = new Reader(bytes);
    if (reader.peek() === major.tag) reader.tag();
    pairs(reader, (key, value) => {
      found.set(key, new Reader(value.bytes, value.at, value.end));
      return { name: '' };
    });
  });
  return found;
}

function describe(key: unknown, value: Reader, elements: Elements): Part {
  if (typeof key === 'string') return integratedPayload(key, value);
  if (typeof key !== 'number') return { name: 'unknown', ...shown(value) };
  const part = { name: envelopeNames.get(key) ?? 'unknown', number: key };
  if (value.done || value.peek() !== major.bstr) return { ...part, ...shown(value) };
  if (key === element['authentication-wrapper'])
    return { ...part, ...authentication(content(value), elements) };
  if (key === element.manifest) {
    return { ...part, ...inspectManifest(content(value), (name, sum) => severed(name, sum, elements)) };
  }
  return { ...part, ...inspectElement(key, value, { components: componentsAround(elements) }) };
}

function componentsAround(elements: Elements): readonly string[] {
  const manifest = elements.get(element.manifest);
  if (manifest === undefined || manifest.peek() !== major.bstr) return [];
  return componentsOf(content(new Reader(manifest.bytes, manifest.at, manifest.end)));
}

function authentication(reader: Reader, elements: Elements): Pick<Part, 'parts' | 'error'> {
  return gather((add) => {
    const count = reader.array();
    const manifest = elements.get(element.manifest);
    const covered = inspectDigest(content(one(reader)));
    const differs = covered.value === undefined ? undefined : mismatch(covered.value, manifest);
    if (covered.value === undefined || differs !== undefined) {
      add({ name: 'digest', ...covered, ...(differs === undefined ? {} : { error: differs }) });
    } else add({ name: 'digest', value: `${covered.value}, covers the manifest` });
    for (let index = 0; index < count - 1; index++) add(inspectBlock(content(one(reader)), index));
    reader.finish();
  });
}

/** §8.6: the manifest holds the digest only; the element stands in the envelope, or is gone. */
function severed(number: number, sum: string, elements: Elements): Pick<Part, 'value' | 'error'> {
  const outside = elements.get(number);
  const where = outside === undefined ? 'not in this envelope' : 'in this envelope';
  const differs = outside === undefined ? undefined : mismatch(sum, outside);
  return { value: `severed, ${where}: ${sum}`, ...(differs === undefined ? {} : { error: differs }) };
}

/**
 * Why `reader`'s item, head included, is not what the digest covers; undefined where it is, or can't be
 * computed here.
 */
function mismatch(sum: string, reader: Reader | undefined): string | undefined {
  if (reader === undefined) return 'expected what it covers, found nothing';
  const [name = '', expected = ''] = sum.split(' ');
  if (!isSpoken(name)) return undefined;
  const found = hex(digest(name, bytesOf(reader)));
  return found === expected ? undefined : `expected what it covers, found another with ${name} ${found}`;
}

const isSpoken = (name: string): name is DigestAlgorithm => Object.hasOwn(digestAlgorithms, name);

function integratedPayload(name: string, value: Reader): Part {
  if (value.done || value.peek() !== major.bstr)
    return { name: 'integrated-payload', value: name, ...shown(value) };
  const bytes = bytesOf(content(value));
  const sum = hex(digest('sha-256', bytes));
  return { name: 'integrated-payload', value: `${name}: ${bytes.length} bytes, sha-256 ${sum}` };
}
