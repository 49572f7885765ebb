/** A manifest's command sequences, wherever they stand, and their commands without running them. */

import { bstr, read } from '@lapel/cbor';
import type { AuthenticManifest } from './authenticate.ts';
import type { SeverableName } from './envelope.ts';
import type { ComponentIndex, SectionName } from './manifest.ts';
import { isSevered, sections } from './manifest.ts';
import type { Command, Located } from './sequence.ts';
import { readSequence } from './sequence.ts';
import { parsing } from './reason.ts';

type Parts = Pick<AuthenticManifest, 'manifest' | 'envelope'>;

export const sectionNames = Object.keys(sections) as readonly SectionName[];

/**
 * The bytes of a severable element, from the manifest or from the envelope; undefined where it is absent or
 * cut off.
 */
export function elementOf({ manifest, envelope }: Parts, name: SeverableName): Uint8Array | undefined {
  const element = manifest[name];
  if (element !== undefined && !isSevered(element)) return element;
  const outside = envelope.severed[name];
  return outside === undefined ? undefined : read(bstr, outside);
}

/** The bytes of a command sequence; undefined where the manifest has none, or where it is cut off. */
export function sectionBytes(parts: Parts, name: SectionName): Uint8Array | undefined {
  switch (name) {
    case 'sharedSequence':
      return parts.manifest.common.sharedSequence;
    case 'validate':
    case 'load':
    case 'invoke':
    case 'uninstall':
      return parts.manifest[name];
    default:
      return elementOf(parts, name);
  }
}

/** The sequences that stand in a command's argument. */
export function innerSequences({ name, ...argument }: Located['command']): readonly Uint8Array[] {
  if (name === 'directive-run-sequence') return 'sequence' in argument ? [argument.sequence] : [];
  if (name !== 'directive-try-each' || !('sequences' in argument)) return [];
  return argument.sequences.filter((each) => each !== null);
}

/** A command, with the components that it may reach. */
export interface Reached {
  readonly section: SectionName;
  readonly components: readonly number[];
  readonly command: Command;
}

/**
 * Every command of every sequence, in order, nested ones included as deep as the limit goes.
 * @throws {SuitError} stage `setup`, where a sequence can't be read.
 */
export function commandsIn(
  parts: Parts,
  componentCount: number,
  nestingDepth: number,
  visit: (reached: Reached) => void,
): void {
  // Made once: many commands may say `true` of many components.
  const all = Array.from({ length: componentCount }, (_, index) => index);
  const walk = (section: SectionName, encoded: Uint8Array, depth: number, from: readonly number[]): void => {
    let current = from;
    for (const { command } of readSequence(encoded)) {
      if (command.name === 'directive-set-component-index') current = indicesOf(command.index, all);
      if (command.name === 'directive-override-multiple') current = [command.byIndex.at(-1)?.[0] ?? 0];
      visit({ section, components: current, command });
      if (depth === nestingDepth) continue;
      for (const inner of innerSequences(command)) walk(section, inner, depth + 1, current);
    }
  };
  for (const section of sectionNames) {
    const encoded = sectionBytes(parts, section);
    if (encoded !== undefined) parsing('setup', section, () => walk(section, encoded, 0, [0]));
  }
}

export function indicesOf(index: ComponentIndex, all: readonly number[]): readonly number[] {
  if (index === true) return all;
  return typeof index === 'number' ? [index] : index;
}
