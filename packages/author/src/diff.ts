/**
 * What changes from one manifest to the next, in words: for whoever reviews a release. Nothing is proved but
 * the digests.
 */

import { hex } from '@lapel/cbor';
import type { SectionName } from '@lapel/suit';
import { readSequence, sectionBytes, sectionNames, sections, uuidText, versionText } from '@lapel/suit';
import { componentText } from './inspect-manifest.ts';
import { inspectEnvelope } from './inspect.ts';
import type { Part } from './inspection.ts';
import type { Outline } from './outline.ts';
import { outlineEnvelope } from './outline.ts';
import { sectionText } from './simulate/in-words.ts';

export interface Change {
  /** What it is about. */
  readonly what: string;
  readonly old?: string;
  readonly new?: string;
}

export interface Difference {
  readonly changes: readonly Change[];
  /** In hex. */
  readonly old: string;
  readonly new: string;
}

/** @throws {SuitError} where one of them is no envelope, or not the one that its digests say. */
export function diffEnvelopes(older: Uint8Array, newer: Uint8Array): Difference {
  const [one, other] = [described(older), described(newer)];
  const what = new Set([...one.facts.keys(), ...other.facts.keys()]);
  const changes = [...what].flatMap((each) => changesOf(each, one.facts.get(each), other.facts.get(each)));
  return { changes, old: hex(one.outline.digest.bytes), new: hex(other.outline.digest.bytes) };
}

/** Values that one of them has and the other has not; a single one on each side is a change. */
function changesOf(
  what: string,
  one: readonly string[] = [],
  other: readonly string[] = [],
): readonly Change[] {
  const gone = one.filter((each) => !other.includes(each));
  const come = other.filter((each) => !one.includes(each));
  if (gone.length === 1 && come.length === 1) return [{ what, old: gone[0]!, new: come[0]! }];
  return [...gone.map((old) => ({ what, old })), ...come.map((each) => ({ what, new: each }))];
}

type Facts = ReadonlyMap<string, readonly string[]>;

function described(bytes: Uint8Array): { readonly outline: Outline; readonly facts: Facts } {
  const outline = outlineEnvelope(bytes);
  const { manifest, summary, envelope } = outline;
  const [, texts] = summary.text?.rest[0] ?? [];
  const facts = new Map<string, readonly string[]>([
    ['sequence number', [`${summary.sequenceNumber}`]],
    ['version', summary.version === undefined ? [] : [versionText(summary.version)]],
    ['description', listed(texts?.updateDescription ?? texts?.manifestDescription)],
    ['component version', texts?.rest.flatMap(([, { componentVersion }]) => listed(componentVersion)) ?? []],
    ['vendor', summary.vendorIdentifiers.map(uuidText)],
    ['class', summary.classIdentifiers.map(uuidText)],
    ['component', summary.components.map(componentText)],
    [
      'image digest',
      summary.images.flatMap(({ digest }) => (digest === undefined ? [] : [hex(digest.bytes)])),
    ],
    [
      'image size',
      summary.images.flatMap(({ sizeBytes }) => (sizeBytes === undefined ? [] : [`${sizeBytes} bytes`])),
    ],
    ['URI', summary.uris],
    ['integrated payload', [...envelope.payloads].map(([name, { length }]) => `${name}, ${length} bytes`)],
    ['reference URI', listed(manifest.referenceUri)],
    ['severed element', Object.keys(envelope.severed)],
    ['dependency', (manifest.common.dependencies ?? []).map(([index]) => `component ${index}`)],
    ['signature', signaturesIn(bytes)],
  ]);
  for (const name of sectionNames)
    facts.set(`${sectionText(sections[name])} runs`, commandsIn(outline, name));
  return { outline, facts };
}

const listed = (value: string | undefined): readonly string[] => (value === undefined ? [] : [value]);

/** By which algorithm, naming which key, is all that can be said without keys. */
function signaturesIn(bytes: Uint8Array): readonly string[] {
  const blocks = partsOf(inspectEnvelope(bytes)).find(({ name }) => name === 'authentication-wrapper');
  return partsOf(blocks)
    .filter(({ name }) => name.startsWith('block'))
    .map(({ value = '' }) => value);
}

const partsOf = (part: Part | undefined): readonly Part[] => part?.parts ?? [];

/** Every command by name, with how often it stands there, so that another condition is seen. */
function commandsIn({ manifest, envelope }: Outline, name: SectionName): readonly string[] {
  const encoded = sectionBytes({ manifest, envelope }, name);
  if (encoded === undefined) return [];
  const counts = new Map<string, number>();
  for (const { command } of readSequence(encoded)) {
    counts.set(command.name, (counts.get(command.name) ?? 0) + 1);
  }
  return [...counts].map(([command, count]) => (count === 1 ? command : `${command} × ${count}`));
}
