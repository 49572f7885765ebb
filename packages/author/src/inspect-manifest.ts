/** The manifest for people: every element by name, sequences and texts looked into (manifest-37 §8.4). */

import type { Item } from '@lapel/cbor';
import { Reader, diagnostic, hex, major } from '@lapel/cbor';
import { severableKeys, versionText } from '@lapel/suit';
import type { Part } from './inspection.ts';
import { content, gather, items, one, pairs, shown } from './inspection.ts';
import { commonNames, componentTextNames, manifestNames, textNames } from './inspection-names.ts';
import type { Surroundings } from './inspect-sequence.ts';
import { inspectDigest, inspectSequence } from './inspect-sequence.ts';

const element = { sequenceNumber: 2, common: 3, setVersion: 6, coswid: 14, text: 23 } as const;
const common = { components: 2, sharedSequence: 4 } as const;
/** Elements that hold a command sequence: those of manifest-37, and those that extensions add. */
const sequences: ReadonlySet<number> = new Set([7, 8, 9, 15, 16, 18, 20, 24]);

/** Elements that may stand in the envelope, and their digest here. */
const severable: ReadonlySet<number> = new Set(Object.values(severableKeys));

/** What becomes of an element that was severed: told by whoever knows the envelope. */
export type Severed = (number: number, digest: string) => Pick<Part, 'value' | 'error'>;

/** @param reader over the manifest itself, without the head of its byte string */
export function inspectManifest(reader: Reader, severed: Severed): Pick<Part, 'parts' | 'error'> {
  const around = { components: componentsOf(new Reader(reader.bytes, reader.at, reader.end)) };
  return pairs(reader, (key, value) => {
    if (typeof key !== 'number') return { name: keyText(key), ...shown(value) };
    const part = { name: manifestNames.get(key) ?? 'unknown', number: key };
    if (key === element.sequenceNumber) return { ...part, ...sequenceNumber(value) };
    if (key === element.setVersion && value.peek() === major.bstr) return { ...part, ...version(value) };
    if (key === element.common) return { ...part, ...inspectCommon(content(value), around) };
    if (value.peek() === major.array && severable.has(key)) {
      const { value: digest, error } = inspectDigest(value);
      return { ...part, ...(digest === undefined ? { error: error ?? 'no digest' } : severed(key, digest)) };
    }
    return { ...part, ...inspectElement(key, value, around) };
  });
}

/** An element that may stand in the manifest or, severed from it, in the envelope. */
export function inspectElement(
  key: number,
  value: Reader,
  around: Surroundings,
): Pick<Part, 'parts' | 'value' | 'error'> {
  if (value.peek() !== major.bstr) return shown(value);
  if (sequences.has(key)) return inspectSequence(content(value), around);
  if (key === element.text) return inspectText(content(value));
  return shown(value);
}

/** The components of a manifest as people write them, or none where it can't be read. */
export function componentsOf(manifest: Reader): readonly string[] {
  const found: string[] = [];
  pairs(manifest, (key, value) => {
    if (key !== element.common || value.peek() !== major.bstr) return { name: '' };
    pairs(content(value), (inner, list) => {
      if (inner === common.components)
        items(list, (each) => ({ name: String(found.push(readComponent(each))) }));
      return { name: '' };
    });
    return { name: '' };
  });
  return found;
}

function inspectCommon(reader: Reader, around: Surroundings): Pick<Part, 'parts' | 'error'> {
  return pairs(reader, (key, value) => {
    if (typeof key !== 'number') return { name: keyText(key), ...shown(value) };
    const part = { name: commonNames.get(key) ?? 'unknown', number: key };
    if (key === common.components) {
      return {
        ...part,
        ...items(value, (each, index) => ({ name: `${index}`, value: readComponent(each) })),
      };
    }
    if (key === common.sharedSequence && value.peek() === major.bstr) {
      return { ...part, ...inspectSequence(content(value), around) };
    }
    return { ...part, ...shown(value) };
  });
}

/** §8.4.2: authors may use the time as sequence number; where it can be one, it is told. */
function sequenceNumber(reader: Reader): Pick<Part, 'value' | 'error'> {
  const { value = '', error } = shown(reader);
  const seconds = /^\d{10}$/.test(value) ? Number(value) : undefined;
  const time =
    seconds === undefined ? '' : ` (as a time: ${new Date(seconds * 1000).toISOString().slice(0, 19)}Z)`;
  return error === undefined ? { value: `${value}${time}` } : { error };
}

function version(reader: Reader): Pick<Part, 'value' | 'error'> {
  const numbers: number[] = [];
  const { error } = gather(() => {
    const inner = content(reader);
    for (let left = inner.array(); left > 0; left--) numbers.push(inner.int());
    inner.finish();
  });
  return error === undefined ? { value: versionText(numbers) } : { error };
}

function inspectText(reader: Reader): Pick<Part, 'parts' | 'error'> {
  return pairs(reader, (language, texts) => ({
    name: typeof language === 'string' ? language : 'unknown',
    ...pairs(texts, (key, value) => {
      if (typeof key === 'number')
        return { name: textNames.get(key) ?? 'unknown', number: key, ...shown(value) };
      const name = typeof key === 'string' ? keyText(key) : `component ${componentText(key)}`;
      if (value.peek() !== major.map) return { name, ...shown(value) };
      return {
        name,
        ...pairs(value, (inner, text) => ({
          name: (typeof inner === 'number' ? componentTextNames.get(inner) : undefined) ?? 'unknown',
          ...(typeof inner === 'number' ? { number: inner } : {}),
          ...shown(text),
        })),
      };
    }),
  }));
}

function readComponent(reader: Reader): string {
  const parts: string[] = [];
  const { error } = gather(() => {
    for (let left = reader.array(); left > 0; left--) parts.push(partText(one(reader)));
  });
  return error === undefined ? parts.join('/') : `unreadable: ${error}`;
}

const partText = (reader: Reader): string =>
  reader.peek() === major.bstr ? bytesText(reader.bstr()) : (shown(reader).value ?? '');

/** A component identifier as its author probably wrote it. */
export const componentText = (parts: readonly Item[]): string =>
  parts.map((part) => (part instanceof Uint8Array ? bytesText(part) : diagnostic(part))).join('/');

/** A part of an identifier as its author probably wrote it: a text where it can be one, else bytes. */
function bytesText(bytes: Uint8Array): string {
  const isText = bytes.length > 0 && bytes.every((byte) => byte > 0x20 && byte < 0x7f);
  return isText ? new TextDecoder('latin1').decode(bytes) : `h'${hex(bytes)}'`;
}

/** A key that the draft has no place for, in diagnostic notation. */
const keyText = (key: string | readonly Item[]): string => `unknown key ${diagnostic(key)}`;
