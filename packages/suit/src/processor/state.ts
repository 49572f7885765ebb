/** What the machine remembers while it runs, and the two directives that change nothing else. */

import { UnknownKeyError, read } from '@lapel/cbor';
import type { AdmittedManifest } from '../admit.ts';
import type { ByIndex } from '../by-index.ts';
import type { ComponentIndex, SectionName } from '../manifest.ts';
import { Parameters, parameterNames, sections } from '../manifest.ts';
import { SuitError, parsing } from '../reason.ts';
import type { PolicyCommandName } from '../registry.ts';
import { reporting } from '../registry.ts';
import type { EncodedSequence, Located } from '../sequence.ts';
import type { SuitRecord } from './record.ts';

const recordsMax = 64;

export interface State {
  readonly admitted: AdmittedManifest;
  /** By component index. Cleared before the first command (§6.1). */
  readonly parameters: Parameters[];
  /** The components that the next command applies to (§6.5). */
  current: readonly number[];
  softFailure: boolean;
  depth: number;
  commandsLeft: number;
  section: SectionName;
  /** Where the section begins in the envelope: offsets in records count from there. */
  sectionStart: number;
  /** The command that is running, or ran last. */
  last: SuitRecord;
  readonly records: SuitRecord[];
  /** Nested sequences that have been read: however often one runs, reading costs no more than its bytes. */
  readonly nested: Map<EncodedSequence, readonly Located[]>;
  /** Components that an image match has proved, and nothing has changed since. */
  readonly verified: Set<number>;
}

/** §6.1: nothing is left of a manifest that ran before. */
export function initialState(admitted: AdmittedManifest): State {
  return {
    admitted,
    parameters: admitted.components.map(() => ({})),
    current: [0],
    softFailure: false,
    depth: 0,
    commandsLeft: admitted.limits.commands,
    section: 'sharedSequence',
    sectionStart: 0,
    last: { manifestId: [], section: 0, offset: 0, component: 0, properties: {} },
    records: [],
    nested: new Map(),
    verified: new Set(),
  };
}

/**
 * Nested loops over components multiply: the count of commands run is bounded, whatever the manifest's
 * size.
 */
export function begin(offset: number, component: number, state: State): void {
  state.last = { manifestId: [], section: sections[state.section], offset, component, properties: {} };
  if (state.commandsLeft-- === 0) {
    const { commands } = state.admitted.limits;
    throw new SuitError('run', 'operation-failed', `expected at most ${commands} commands, found more`);
  }
}

/** Keeps the record of a command where the reporting policy asks for it (§8.4.7). */
export function keepRecord(record: SuitRecord, policy: number, succeeded: boolean, state: State): void {
  const asked = succeeded ? reporting.recordOnSuccess : reporting.recordOnFailure;
  if ((policy & asked) !== 0 && state.records.length < recordsMax) state.records.push(record);
}

const changing: ReadonlySet<PolicyCommandName> = new Set([
  'directive-write',
  'directive-fetch',
  'directive-copy',
  'directive-swap',
]);

/** Call before a command that changes components: what was proved of them is so no longer. */
export function forget(name: PolicyCommandName, component: number, state: State): void {
  if (!changing.has(name)) return;
  state.verified.delete(component);
  const { sourceComponent } = state.parameters[component] ?? {};
  if (name === 'directive-swap' && sourceComponent !== undefined) state.verified.delete(sourceComponent);
}

/** §8.4.10.1. */
export function setComponentIndex(index: ComponentIndex, state: State): void {
  const { length } = state.admitted.components;
  if (index === true) {
    state.current = state.parameters.map((_, each) => each);
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
  const { softFailure, ...own } = readParameters(encoded);
  if (softFailure !== undefined) {
    // §8.4.8.15: meaningless outside a nested sequence, so setting it there aborts.
    if (state.depth === 0) {
      const found = 'expected soft-failure only inside try-each or run-sequence, found it outside';
      throw new SuitError('run', 'parameter-unsupported', found);
    }
    state.softFailure = softFailure;
  }
  state.parameters[component] = { ...state.parameters[component], ...own };
}

/** Update-management §5.8: as if they were overridden with what other components have. */
export function copyParameters(
  from: ByIndex<readonly number[]>,
  component: number,
  { parameters }: State,
): void {
  for (const [source, numbers] of from) {
    const theirs = parameters[source];
    if (theirs === undefined) {
      const found = `expected a component index below ${parameters.length}, found ${source}`;
      throw new SuitError('run', 'component-unsupported', found);
    }
    for (const number of numbers) {
      const name = parameterNames.get(number);
      if (name === undefined) {
        throw new SuitError('run', 'parameter-unsupported', `expected a known parameter, found ${number}`);
      }
      if (theirs[name] === undefined) {
        const found = `expected parameter ${number} of component ${source} to be set, found none`;
        throw new SuitError('run', 'operation-failed', found);
      }
      parameters[component] = { ...parameters[component], [name]: theirs[name] };
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
