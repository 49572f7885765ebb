/**
 * What rules look at: a manifest as far as it can be read, with every command in its place. What can't be
 * read is a finding, and the rest is looked at all the same.
 */

import { CborError, UnknownKeyError, bstr, read } from '@lapel/cbor';
import type { Envelope } from '../envelope.ts';
import { readEnvelope } from '../envelope.ts';
import { readManifest } from '../authenticate.ts';
import { legacyEnvelope } from '../legacy.ts';
import type { Limits } from '../limits.ts';
import { server } from '../limits.ts';
import type { ComponentIdentifier, Manifest, SectionName } from '../manifest.ts';
import { Parameters } from '../manifest.ts';
import { SuitError } from '../reason.ts';
import type { Command } from '../sequence.ts';
import { readSequence } from '../sequence.ts';
import { slotsOf } from '../trust-domains.ts';
import { innerSequences, sectionBytes, sectionNames } from '../walk.ts';
import type { Findings, Place, RuleName } from './finding.ts';

/** One command, with those that stand in its argument. */
export interface Node {
  readonly command: Command;
  readonly place: Place;
  /** Of the command, where it sets some: by component index, or for the current ones. */
  readonly sets: readonly { readonly index?: number; readonly parameters: Parameters }[];
  /** A nil alternative is an empty sequence. */
  readonly inner: readonly (readonly Node[])[];
}

export interface Subject {
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
  readonly manifest: Manifest;
  /** Components and dependencies, as indices count them. */
  readonly components: readonly ComponentIdentifier[];
  readonly dependencies: readonly number[];
  readonly sections: Readonly<Partial<Record<SectionName, readonly Node[]>>>;
  /** What devices can afford. */
  readonly limits: Limits;
}

/** Deeper than any profile: what goes further is told, and not looked at. */
const nestingMax = 32;

/** Undefined where nothing can be said but what was found. */
export function readSubject(bytes: Uint8Array, limits: Limits, findings: Findings): Subject | undefined {
  const read = readParts(bytes, findings);
  if (read === undefined) return undefined;
  const { common } = read.manifest;
  const slots = slotsOf(common.components ?? [], common.dependencies ?? [], []);
  if (slots === undefined) {
    findings.add(
      'component-index',
      { where: 'common' },
      'expected dependencies among the components, found others',
    );
  }
  const sections: Partial<Record<SectionName, readonly Node[]>> = {};
  for (const name of sectionNames) {
    const encoded = sectionBytes(read, name);
    if (encoded !== undefined) sections[name] = nodesOf(encoded, name, encoded.byteOffset, findings, 0);
  }
  return {
    bytes,
    ...read,
    components: slots?.map(({ component }) => component) ?? common.components ?? [],
    dependencies: slots?.flatMap(({ dependency }, index) => (dependency === undefined ? [] : [index])) ?? [],
    sections,
    limits,
  };
}

function readParts(
  bytes: Uint8Array,
  findings: Findings,
): Pick<Subject, 'envelope' | 'manifest'> | undefined {
  let whole: Place & { readonly offset: number } = { where: 'envelope', offset: 0 };
  try {
    const envelope = readEnvelope(bytes, server);
    const content = read(bstr, envelope.manifest);
    whole = { where: 'manifest', offset: content.byteOffset };
    return { envelope, manifest: readManifest(content) };
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    const within = error.cause instanceof CborError ? (error.cause.offset ?? 0) : 0;
    const place = { ...whole, offset: whole.offset + within };
    findings.add(ruleOf(error, bytes), place, error.message);
    return undefined;
  }
}

function ruleOf({ stage, reason, message }: SuitError, bytes: Uint8Array): RuleName {
  if (bytes.length > server.envelopeBytes) return 'profile-limit';
  if (reason === 'parameter-unsupported') return 'manifest-version';
  if (message.includes('the numbering of drafts')) return 'old-numbering';
  if (stage === 'setup') return 'unknown-element';
  const legacy = legacyEnvelope(bytes);
  if (legacy === undefined) return 'cddl';
  return legacy.startsWith('tag 48') ? 'old-numbering' : 'envelope-tag';
}

/** @param start where the section begins, from which its offsets count */
function nodesOf(
  encoded: Uint8Array,
  section: SectionName,
  start: number,
  findings: Findings,
  depth: number,
): readonly Node[] {
  const base = encoded.byteOffset - start;
  const inside: Place = { where: sectionText(section), offset: encoded.byteOffset };
  if (depth > nestingMax) {
    findings.add(
      'profile-limit',
      inside,
      `expected at most ${nestingMax} sequences in each other, found more`,
    );
    return [];
  }
  const commands = readable(inside, findings, () => readSequence(encoded)) ?? [];
  if (commands.length > server.commands) {
    const found = `expected at most ${server.commands} commands, found ${commands.length}`;
    findings.add('profile-limit', inside, found);
    return [];
  }
  return commands.map(({ command, offset }) => {
    const place = {
      where: `${sectionText(section)}, byte ${base + offset}, ${nameOf(command)}`,
      offset: encoded.byteOffset + offset,
    };
    const inner = innerSequences(command).map((each) => nodesOf(each, section, start, findings, depth + 1));
    const endsInNil = 'sequences' in command && command.sequences.at(-1) === null;
    const sets = readable(place, findings, () => setsOf(command)) ?? [];
    return { command, place, sets, inner: endsInNil ? [...inner, []] : inner };
  });
}

function setsOf(command: Command): Node['sets'] {
  if ('parameters' in command) return [{ parameters: read(Parameters, command.parameters) }];
  if (command.name !== 'directive-override-multiple') return [];
  return command.byIndex.map(([index, each]) => ({ index, parameters: read(Parameters, each) }));
}

function readable<T>(place: Place, findings: Findings, reading: () => T): T | undefined {
  try {
    return reading();
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    findings.add(error instanceof UnknownKeyError ? 'unknown-parameter' : 'cddl', place, error.message);
    return undefined;
  }
}

const nameOf = (command: Command): string =>
  'code' in command ? `${command.name} ${command.code}` : command.name;

export const sectionText = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Every command of a sequence, those that stand in others included. */
export function* everyNode(nodes: readonly Node[]): Generator<Node, void, undefined> {
  for (const node of nodes) {
    yield node;
    for (const inner of node.inner) yield* everyNode(inner);
  }
}
