/**
 * draft-ietf-suit-trust-domains-12 §5: how a dependency becomes a manifest that may run, and the checks that
 * its dependent left none out. The machine runs it.
 */

import { hex } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest } from '../admit.ts';
import { admitDependency } from '../admit.ts';
import { authenticate } from '../authenticate.ts';
import { readEnvelope } from '../envelope.ts';
import type { SectionName } from '../manifest.ts';
import { knownDigest } from '../manifest.ts';
import { SuitError } from '../reason.ts';
import type { Command } from '../sequence.ts';
import type { Slot } from '../trust-domains.ts';
import { dependencySlots } from '../trust-domains.ts';
import type { Run } from './drive.ts';
import type { State } from './state.ts';
import { parametersOf, stateOf } from './state.ts';
import type { Verdict } from './target.ts';
import { operationFailed } from './target.ts';

type DependencySlot = Slot & Required<Pick<Slot, 'dependency'>>;

function dependencyAt(index: number, { admitted }: State): DependencySlot | undefined {
  const slot = admitted.slots[index];
  return slot?.dependency === undefined ? undefined : { ...slot, dependency: slot.dependency };
}

/** §5.6.2: of all components, process-dependency means the dependencies. */
export const isPassedOver = (
  { name }: Command,
  component: number,
  current: readonly number[],
  state: State,
): boolean =>
  name === 'directive-process-dependency' &&
  current === state.every &&
  dependencyAt(component, state) === undefined;

/**
 * §5.6.4: signature, digest and manifest, in this order; whatever fails aborts. What was found stays good
 * until the component changes, and for this procedure only: the manifest that runs is the one that was
 * checked, whatever becomes of its component.
 */
export function* dependencyIntegrity(index: number, state: State): Run<undefined> {
  const { admitted, shared, path, dependencies } = state;
  const { limits, policy, recipient } = admitted;
  const slot = dependencyAt(index, state);
  const support = recipient.dependencies;
  if (slot === undefined || support === undefined) {
    throw operationFailed(`expected component ${index} to be a dependency, found it none`);
  }
  const { imageDigest } = parametersOf(index, state);
  if (imageDigest === undefined) {
    throw operationFailed(`expected the digest of dependency ${index} to be set, found none`);
  }
  if (path.length >= support.depthMax || shared.dependenciesLeft-- <= 0) {
    const found = `expected at most ${support.countMax} dependencies, ${support.depthMax} deep, found more`;
    throw operationFailed(found);
  }
  const { component, dependency } = slot;
  const bytes = yield { do: 'envelope', component, bytesMax: limits.envelopeBytes };
  if (!(bytes instanceof Uint8Array)) {
    throw operationFailed(`expected the envelope of dependency ${index}, found none`);
  }
  const found = asDependency(index, () => {
    const authentic = authenticate(bytes, support.anchors, limits, policy);
    const wanted = knownDigest('run', imageDigest);
    // §5.2.2: over the manifest alone, as another signature or a severed element makes it no other.
    const sum = digest(wanted.algorithm, authentic.envelope.manifest);
    if (!equalInConstantTime(sum, wanted.bytes)) {
      throw operationFailed(`expected the manifest ${hex(wanted.bytes)}, found ${hex(sum)}`);
    }
    return admitDependency(authentic, recipient, dependency.prefix, shared.root);
  });
  for (const name of state.passed.get(index) ?? []) requireAbsent(name, index, found);
  dependencies.set(index, stateOf(found, [...path, index], shared));
  return undefined;
}

/** §5.2.2: an image match of a dependency is over its manifest alone. */
export function* dependencyMatch(index: number, { component }: Slot, state: State): Run<Verdict> {
  const { imageDigest } = parametersOf(index, state);
  if (imageDigest === undefined) return 'expected an image digest to be set, found none';
  const { limits, policy } = state.admitted;
  const bytes = yield { do: 'envelope', component, bytesMax: limits.envelopeBytes };
  if (!(bytes instanceof Uint8Array)) return `expected the envelope of dependency ${index}, found none`;
  const wanted = knownDigest('run', imageDigest);
  const { manifest } = asDependency(index, () => readEnvelope(bytes, limits, policy));
  const sum = digest(wanted.algorithm, manifest);
  if (equalInConstantTime(sum, wanted.bytes)) return undefined;
  return `expected the manifest ${hex(wanted.bytes)}, found ${hex(sum)}`;
}

/**
 * §5.1: at the end of a section every dependency that has the same one has run it. Of one that is not known
 * yet the section is remembered.
 */
export function requireSettled(name: SectionName, state: State): void {
  const present = state.admitted.sections[name] !== undefined;
  for (const index of dependencySlots(state.admitted.slots)) {
    const known = state.dependencies.get(index);
    if (state.processed.has(index)) continue;
    if (known !== undefined) requireAbsent(name, index, known.admitted);
    else if (present) state.passed.set(index, [...(state.passed.get(index) ?? []), name]);
  }
  state.processed.clear();
}

/** §5.1: at the end of a procedure no dependency is left of which nothing is known. */
export function requireKnown(state: State): void {
  for (const index of state.passed.keys()) {
    if (state.dependencies.has(index)) continue;
    throw operationFailed(`expected dependency ${index} to be checked and processed, found it left out`);
  }
  for (const known of state.dependencies.values()) requireKnown(known);
}

function requireAbsent(name: SectionName, index: number, { sections, severed }: AdmittedManifest): void {
  const cutOff: ReadonlySet<string> = severed;
  if (sections[name] === undefined && !cutOff.has(name)) return;
  throw operationFailed(`expected ${name} of dependency ${index} to be processed, found it left out`);
}

/** What is wrong with a dependency, its dependent finds while it runs. */
function asDependency<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    throw new SuitError('run', error.reason, `dependency ${index}: ${error.message}`, { cause: error });
  }
}
