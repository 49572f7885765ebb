/** What the machine remembers while it runs, and the two directives that change nothing else. */

import { UnknownKeyError, read } from '@lapel/cbor';
import type { AdmittedManifest } from '../admit.ts';
import type { AuthenticManifest } from '../authenticate.ts';
import type { ByIndex } from '../by-index.ts';
import type { ComponentIdentifier, ComponentIndex, SectionName } from '../manifest.ts';
import { Parameters, parameterNames, sections } from '../manifest.ts';
import { SuitError, parsing } from '../reason.ts';
import type { PolicyCommandName } from '../registry.ts';
import { reporting } from '../registry.ts';
import type { EncodedSequence, Located } from '../sequence.ts';
import type { Slot } from '../trust-domains.ts';
import type { Place, SuitRecord } from './record.ts';
import { recordOf } from './record.ts';

const recordsMax = 64;

/** What a procedure remembers of all its manifests together. */
export interface Shared {
  readonly root: AuthenticManifest;
  /** By the component's name: what one manifest sets, those around it find (trust-domains §5.4). */
  readonly parameters: Map<string, Parameters>;
  commandsLeft: number;
  dependenciesLeft: number;
  /** The command that is running, or ran last. */
  last: Place;
  readonly records: SuitRecord[];
  /** Nested sequences that have been read: however often one runs, reading costs no more than its bytes. */
  readonly nested: Map<EncodedSequence, readonly Located[]>;
  /** Components that an image match, or of a dependency its integrity, has proved, by name. */
  readonly verified: Map<string, ComponentIdentifier>;
}

/** What it remembers of one manifest. */
export interface State {
  readonly admitted: AdmittedManifest;
  readonly shared: Shared;
  /** Indices of the dependencies that lead from the root manifest to this one. */
  readonly path: readonly number[];
  /** Components that somebody else answers for: commands on them are passed over. */
  readonly others: ReadonlySet<number>;
  /** Every component, for the index `true`. */
  readonly every: readonly number[];
  /** The components that the next command applies to (§6.5). */
  current: readonly number[];
  softFailure: boolean;
  /** §6.7: false where the author says that the order does not matter; commands run in order anyway. */
  strictOrder: boolean;
  /** Components that commands have changed, and read from, while the order did not matter, by name. */
  unordered: { readonly targets: ReadonlySet<string>; readonly sources: ReadonlySet<string> };
  depth: number;
  section: SectionName;
  /** Where the section begins in the envelope: offsets in records count from there. */
  sectionStart: number;
  /** Dependencies whose integrity was checked, by index; nothing has changed them since. */
  readonly dependencies: Map<number, State>;
  /** Those that were processed in this section. */
  readonly processed: Set<number>;
  /** Sections that ended before it was known whether a dependency has them. */
  readonly passed: Map<number, SectionName[]>;
}

/** §6.1: nothing is left of a manifest that ran before. */
export function initialState(admitted: AdmittedManifest): State {
  const { limits, recipient } = admitted;
  return stateOf(admitted, [], {
    root: admitted.authentic,
    parameters: new Map(),
    commandsLeft: limits.commands,
    dependenciesLeft: recipient.dependencies?.countMax ?? 0,
    last: placeAt([], 0, 0, 0),
    records: [],
    nested: new Map(),
    verified: new Map(),
  });
}

export function stateOf(admitted: AdmittedManifest, path: readonly number[], shared: Shared): State {
  return {
    admitted,
    shared,
    path,
    others: new Set(admitted.slots.flatMap((slot, index) => (isAnothers(slot, admitted) ? [index] : []))),
    every: admitted.slots.map((_, index) => index),
    current: [0],
    softFailure: false,
    strictOrder: true,
    unordered: ordered,
    depth: 0,
    section: 'sharedSequence',
    sectionStart: 0,
    dependencies: new Map(),
    processed: new Set(),
    passed: new Map(),
  };
}

const isAnothers = ({ component }: Slot, { recipient }: AdmittedManifest): boolean =>
  recipient.isAnothers?.(component) ?? false;

/** Nothing that has no order. */
const ordered: State['unordered'] = { targets: new Set(), sources: new Set() };

/** Every place has one shape, whatever is known of it. */
const placeAt = (
  manifestId: Place['manifestId'],
  section: number,
  offset: number,
  component: number,
): Place => ({
  manifestId,
  section,
  offset,
  component,
  command: undefined,
  parameters: unset,
  isDependency: false,
});

const unset: Parameters = {};

export const parametersOf = (component: number, { admitted, shared }: State): Parameters =>
  shared.parameters.get(admitted.slots[component]?.name ?? '') ?? unset;

function setParameters(component: number, parameters: Parameters, { admitted, shared }: State): void {
  const slot = admitted.slots[component];
  if (slot !== undefined) shared.parameters.set(slot.name, parameters);
}

/**
 * Nested loops over components multiply: the count of commands run is bounded, whatever the manifest's
 * size.
 */
export function begin(offset: number, component: number, state: State): void {
  const { shared, path: manifestId } = state;
  shared.last = placeAt(manifestId, sections[state.section], offset, component);
  if (shared.commandsLeft-- === 0) {
    const { commands } = state.admitted.limits;
    throw new SuitError('run', 'operation-failed', `expected at most ${commands} commands, found more`);
  }
}

/** Keeps the record of a command where the reporting policy asks for it (§8.4.7). */
export function keepRecord(
  place: Place,
  policy: number,
  succeeded: boolean,
  { shared: { records } }: State,
): void {
  const asked = succeeded ? reporting.recordOnSuccess : reporting.recordOnFailure;
  if ((policy & asked) !== 0 && records.length < recordsMax) records.push(recordOf(place));
}

/** Commands after which a component may not be what it was. */
export const changing: ReadonlySet<PolicyCommandName> = new Set([
  'directive-write',
  'directive-fetch',
  'directive-copy',
  'directive-swap',
  'directive-unlink',
]);

/** Call before a command that changes components: what was proved of them is so no longer. */
export function forget(name: PolicyCommandName, component: number, state: State): void {
  if (!changing.has(name)) return;
  forgetOne(component, state);
  const { sourceComponent } = parametersOf(component, state);
  if (name === 'directive-swap' && sourceComponent !== undefined) forgetOne(sourceComponent, state);
}

function forgetOne(component: number, { admitted, shared, dependencies }: State): void {
  shared.verified.delete(admitted.slots[component]?.name ?? '');
  dependencies.delete(component);
}

/** §8.4.10.1. */
export function setComponentIndex(index: ComponentIndex, state: State): void {
  const { length } = state.every;
  if (index === true) {
    state.current = state.every;
    return;
  }
  const list = typeof index === 'number' ? [index] : index;
  const beyond = list.find((each) => each >= length);
  if (beyond !== undefined) {
    const found = `expected a component index below ${length}, found ${beyond}`;
    throw new SuitError('run', 'component-unsupported', found);
  }
  state.current = list;
}

/** §8.4.10.3. */
export function overrideParameters(encoded: Uint8Array, component: number, state: State): void {
  const { softFailure, strictOrder, ...own } = readParameters(encoded);
  if (softFailure !== undefined) {
    requireNested(state);
    state.softFailure = softFailure;
  }
  if (strictOrder !== undefined) setStrictOrder(strictOrder, state);
  setParameters(component, { ...parametersOf(component, state), ...own }, state);
}

/** §8.4.8.14: with true, everything before has come to its end, so what follows may read what it wrote. */
export function setStrictOrder(strictOrder: boolean, state: State): void {
  state.strictOrder = strictOrder;
  if (strictOrder) state.unordered = ordered;
}

/**
 * Trust-domains §5.6.1: only what is not set yet. Soft failure and strict order always are, so they stay
 * what they were.
 */
export function setUnsetParameters(encoded: Uint8Array, component: number, state: State): void {
  const { softFailure, strictOrder: _, ...own } = readParameters(encoded);
  if (softFailure !== undefined) requireNested(state);
  setParameters(component, { ...own, ...parametersOf(component, state) }, state);
}

/** §8.4.8.15: soft failure is meaningless outside a nested sequence, so setting it there aborts. */
function requireNested({ depth }: State): void {
  if (depth > 0) return;
  const found = 'expected soft-failure only inside try-each or run-sequence, found it outside';
  throw new SuitError('run', 'parameter-unsupported', found);
}

/** Update-management §5.8: as if they were overridden with what other components have. */
export function copyParameters(from: ByIndex<readonly number[]>, component: number, state: State): void {
  const { length } = state.every;
  for (const [source, numbers] of from) {
    if (source >= length) {
      const found = `expected a component index below ${length}, found ${source}`;
      throw new SuitError('run', 'component-unsupported', found);
    }
    const theirs = parametersOf(source, state);
    for (const number of numbers) {
      const name = parameterNames.get(number);
      if (name === undefined) {
        throw new SuitError('run', 'parameter-unsupported', `expected a known parameter, found ${number}`);
      }
      if (theirs[name] === undefined) {
        const found = `expected parameter ${number} of component ${source} to be set, found none`;
        throw new SuitError('run', 'operation-failed', found);
      }
      setParameters(component, { ...parametersOf(component, state), [name]: theirs[name] }, state);
    }
  }
}

function readParameters(encoded: Uint8Array): Parameters {
  try {
    return parsing('run', 'parameters', () => read(Parameters, encoded));
  } catch (error) {
    if (!(error instanceof SuitError) || !(error.cause instanceof UnknownKeyError)) throw error;
    throw new SuitError('run', 'parameter-unsupported', error.message, { cause: error });
  }
}
