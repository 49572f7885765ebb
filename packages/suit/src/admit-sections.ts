/**
 * draft-ietf-suit-manifest-37 §6.2: the command sequences of a manifest, read, and held against what a
 * sequence may rely on and do, before any of them runs.
 */

import type { AuthenticManifest } from './authenticate.ts';
import type { SectionName } from './manifest.ts';
import type { Limits } from './limits.ts';
import type { Policy } from './policy.ts';
import { strict } from './policy.ts';
import { SuitError, parsing } from './reason.ts';
import { policyCommands } from './registry.ts';
import type { Located } from './sequence.ts';
import { readSequence } from './sequence.ts';
import type { Slot } from './trust-domains.ts';
import { dependencySlots } from './trust-domains.ts';
import { commandsIn, innerSequences, sectionBytes, sectionNames } from './walk.ts';

export interface Section {
  /** The sequence as it stands in the envelope. */
  readonly encoded: Uint8Array;
  readonly commands: readonly Located[];
}

/** Whose limits and policy count. */
interface Bounds {
  readonly limits: Limits;
  readonly policy?: Policy;
}

/** @throws {SuitError} stage `setup`. */
export function readSections(
  authentic: AuthenticManifest,
  slots: readonly Slot[],
  bounds: Bounds,
): Readonly<Partial<Record<SectionName, Section>>> {
  const sections: Partial<Record<SectionName, Section>> = {};
  for (const name of sectionNames) {
    const encoded = sectionBytes(authentic, name);
    if (encoded === undefined) continue;
    const section = { encoded, commands: sequence(name, encoded) };
    if (slots.length > 1) requireComponentIndex(name, section.commands);
    sections[name] = section;
  }
  requireSharedSequence(sections.sharedSequence?.commands ?? [], bounds);
  requireProcessed(authentic, slots, bounds.limits);
  return sections;
}

const sequence = (name: SectionName, encoded: Uint8Array): readonly Located[] =>
  parsing('setup', name, () => readSequence(encoded));

/**
 * §6.2: with several components no sequence may rely on a component index left by another. Override-multiple
 * sets it, too (update-management §5.7).
 */
function requireComponentIndex(name: string, commands: readonly Located[]): void {
  const first = commands[0]?.command.name;
  if (first !== 'directive-set-component-index' && first !== 'directive-override-multiple') {
    const found = `expected ${name} of several components to begin with set-component-index, found ${first}`;
    throw new SuitError('setup', 'component-unsupported', found);
  }
}

/**
 * §6.2: vendor and class are checked in the shared sequence, before any other, so that a device of another
 * kind never goes further; and nothing private stands there, which another kind could misread. §5.3.2: it
 * sets parameters and checks conditions, and has no other effect.
 */
function requireSharedSequence(
  shared: readonly Located[],
  { limits: { nestingDepth }, policy = strict }: Bounds,
): void {
  const names = new Set<string>();
  const visit = (commands: readonly Located[], depth: number): void => {
    for (const { command } of commands) {
      names.add(command.name);
      if (depth === nestingDepth) continue;
      for (const inner of innerSequences(command)) visit(sequence('sharedSequence', inner), depth + 1);
    }
  };
  visit(shared, 0);
  const effect = [...names].find((name) => name === 'custom' || isEffect(name));
  if (effect !== undefined) {
    const found = `expected conditions and parameters in the shared sequence, found ${effect}`;
    throw new SuitError('setup', 'command-unsupported', found);
  }
  if (policy.acceptsAnyClass) return;
  for (const name of ['condition-vendor-identifier', 'condition-class-identifier']) {
    if (!names.has(name)) {
      throw new SuitError('setup', 'condition-failed', `expected ${name} in the shared sequence, found none`);
    }
  }
}

/** Directives that have a reporting policy act on a component; the others only steer the processor. */
const isEffect = (name: string): boolean => name.startsWith('directive-') && name in policyCommands;

/**
 * Trust-domains §5.1: each dependency is processed in the sections that it populates. What can be seen
 * before it is fetched is whether it is processed at all.
 */
function requireProcessed(
  authentic: AuthenticManifest,
  slots: readonly Slot[],
  { nestingDepth }: Limits,
): void {
  const left = new Set(dependencySlots(slots));
  if (left.size === 0) return;
  commandsIn(authentic, slots.length, nestingDepth, ({ components, command }) => {
    if (command.name !== 'directive-process-dependency') return;
    for (const index of components) left.delete(index);
  });
  const [first] = left;
  if (first === undefined) return;
  const found = `expected dependency ${first} to be processed, found no command for it`;
  throw new SuitError('setup', 'command-unsupported', found);
}
