/**
 * The abstract machine of draft-ietf-suit-manifest-37 §6.4, as a generator: `yield` = ask the world. It
 * decides; a driver acts. So the same machine runs in a bootloader, in an agent, in a dry run, and in a
 * simulator that cuts the power between any two effects.
 *
 * §6.6 serial processing and §6.7 parallel processing are not done: commands run strictly in order, which
 * both allow.
 */

import { UnknownKeyError, read } from '@lapel/cbor';
import type { AdmittedManifest } from '../admit.ts';
import type { SeverableName } from '../envelope.ts';
import type { SectionName } from '../manifest.ts';
import { Parameters, sections } from '../manifest.ts';
import { SuitError, parsing } from '../reason.ts';
import { reporting } from '../registry.ts';
import type { Command, EncodedSequence, Located } from '../sequence.ts';
import { readSequence } from '../sequence.ts';
import type { Run } from './drive.ts';
import { perform } from './perform.ts';
import type { SuitRecord } from './record.ts';
import { consumedBy } from './record.ts';

/** §8.4.6: goals 1, 2 and 3 update; goals 3, 4 and 5 invoke. */
const procedures = {
  update: ['payloadFetch', 'install', 'validate'],
  invocation: ['validate', 'load', 'invoke'],
} as const satisfies Record<string, readonly SectionName[]>;
export type Procedure = keyof typeof procedures;

/** How a procedure ended. Failing is normal, so it is a value. */
export interface Ending {
  /** The records that the reporting policies asked for, at most `recordsMax`. */
  readonly records: readonly SuitRecord[];
  readonly failure?: { readonly error: SuitError; readonly record: SuitRecord };
}

const recordsMax = 64;

/** What the machine remembers while it runs. */
interface State {
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
}

/** Why a condition did not hold; a value, because a try-each may go on after it. */
type ConditionFailure = string;

/** Runs one procedure. Whatever a driver throws that is no SuitError passes through. */
export function* run(admitted: AdmittedManifest, procedure: Procedure): Run<Ending> {
  const state: State = {
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
  };
  try {
    for (const section of procedures[procedure]) {
      requirePresent(admitted, section);
      if (admitted.sections[section] === undefined) continue;
      // §8.4.5: the shared sequence runs before any other.
      yield* topLevel('sharedSequence', state);
      yield* topLevel(section, state);
    }
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return { records: state.records, failure: { error, record: state.last } };
  }
  return { records: state.records };
}

function requirePresent({ severed }: AdmittedManifest, section: SectionName): void {
  if ((severed as ReadonlySet<SeverableName | SectionName>).has(section)) {
    throw new SuitError('run', 'severing-unsupported', `expected the severed ${section}, found it cut off`);
  }
}

function* topLevel(name: SectionName, state: State): Run<void> {
  const section = state.admitted.sections[name];
  if (section === undefined) return;
  state.section = name;
  state.sectionStart = section.encoded.byteOffset;
  state.current = [0];
  const failure = yield* sequence(section.commands, 0, state);
  if (failure !== undefined) {
    throw new SuitError('run', 'condition-failed', `${name} (${sections[name]}): ${failure}`);
  }
}

/** Runs commands in order until one condition fails. `base` is where the sequence begins in its section. */
function* sequence(
  commands: readonly Located[],
  base: number,
  state: State,
): Run<ConditionFailure | undefined> {
  for (const { command, offset } of commands) {
    const failure = yield* perComponent(command, base + offset, state);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** §6.5: a command is run once for each component of the index, control flow included. */
function* perComponent(command: Command, offset: number, state: State): Run<ConditionFailure | undefined> {
  if (command.name === 'directive-set-component-index') {
    spend(state);
    state.current = indices(command.index, state);
    return undefined;
  }
  const outer = state.current;
  for (const component of outer) {
    spend(state);
    state.last = { manifestId: [], section: sections[state.section], offset, component, properties: {} };
    const failure = yield* step(command, component, state);
    if (failure !== undefined) return failure;
  }
  state.current = outer;
  return undefined;
}

function* step(
  command: Exclude<Command, { name: 'directive-set-component-index' }>,
  component: number,
  state: State,
): Run<ConditionFailure | undefined> {
  switch (command.name) {
    case 'directive-override-parameters':
      return override(command.parameters, component, state);
    case 'directive-try-each':
      return yield* tryEach(command.sequences, component, state);
    case 'directive-run-sequence':
      return yield* runSequence(command.sequence, component, state);
    case 'custom':
    case 'unknown':
      throw new SuitError(
        'run',
        'command-unsupported',
        `expected a command of manifest-37, found ${command.code}`,
      );
    default:
      return yield* recorded(command, component, state);
  }
}

/** Performs a command of the table and keeps its record where the reporting policy asks for it (§8.4.7). */
function* recorded(
  { name, policy }: Extract<Command, { readonly policy: number }>,
  component: number,
  state: State,
): Run<ConditionFailure | undefined> {
  const { components, authentic, limits } = state.admitted;
  const parameters = state.parameters[component] ?? {};
  const record = { ...state.last, properties: consumedBy(name, parameters) };
  state.last = record;
  const failure = yield* perform(name, {
    component: components[component] ?? [],
    parameters,
    components,
    payloads: authentic.envelope.payloads,
    contentBytesMax: limits.contentBytes,
  });
  const asked = failure === undefined ? reporting.recordOnSuccess : reporting.recordOnFailure;
  if ((policy & asked) !== 0 && state.records.length < recordsMax) state.records.push(record);
  return failure;
}

/** §8.4.10.2: the first sequence that ends without a failed condition; nil always does. */
function* tryEach(
  sequences: readonly (EncodedSequence | null)[],
  component: number,
  state: State,
): Run<ConditionFailure | undefined> {
  let last: ConditionFailure = 'expected a sequence of try-each to succeed, found none';
  for (const encoded of sequences) {
    if (encoded === null) return undefined;
    const { failure, soft } = yield* nested(encoded, component, true, state);
    if (failure === undefined) return undefined;
    last = failure;
    if (!soft) break;
  }
  return last;
}

/** §8.4.10.8: with soft failure a failed condition only ends the sequence; without, it is passed on. */
function* runSequence(
  encoded: EncodedSequence,
  component: number,
  state: State,
): Run<ConditionFailure | undefined> {
  const { failure, soft } = yield* nested(encoded, component, false, state);
  return soft ? undefined : failure;
}

/** A sequence in a sequence: its own soft failure (§8.4.8.15), one component, bounded depth. */
function* nested(
  encoded: EncodedSequence,
  component: number,
  softFailure: boolean,
  state: State,
): Run<{ readonly failure: ConditionFailure | undefined; readonly soft: boolean }> {
  const { nestingDepth } = state.admitted.limits;
  if (state.depth === nestingDepth) {
    throw new SuitError(
      'run',
      'operation-failed',
      `expected at most ${nestingDepth} nested sequences, found more`,
    );
  }
  const commands = parsing('run', 'nested sequence', () => readSequence(encoded));
  const before = state.softFailure;
  state.softFailure = softFailure;
  state.depth++;
  state.current = [component];
  const failure = yield* sequence(commands, encoded.byteOffset - state.sectionStart, state);
  const soft = state.softFailure;
  state.softFailure = before;
  state.depth--;
  return { failure, soft };
}

function override(encoded: Uint8Array, component: number, state: State): undefined {
  const parameters = readParameters(encoded);
  if (parameters.softFailure !== undefined) {
    // §8.4.8.15: meaningless outside a nested sequence, so setting it there aborts.
    if (state.depth === 0) {
      const found = 'expected soft-failure only inside try-each or run-sequence, found it outside';
      throw new SuitError('run', 'parameter-unsupported', found);
    }
    state.softFailure = parameters.softFailure;
  }
  const { softFailure: _, ...own } = parameters;
  state.parameters[component] = { ...state.parameters[component], ...own };
  return undefined;
}

function readParameters(encoded: Uint8Array): Parameters {
  try {
    return parsing('run', 'parameters', () => read(Parameters, encoded));
  } catch (error) {
    if (!(error instanceof SuitError) || !(error.cause instanceof UnknownKeyError)) throw error;
    throw new SuitError('run', 'parameter-unsupported', error.message, { cause: error });
  }
}

function indices(index: number | readonly number[] | true, state: State): readonly number[] {
  const { length } = state.admitted.components;
  if (index === true) return Array.from({ length }, (_, each) => each);
  const list = typeof index === 'number' ? [index] : index;
  const beyond = list.find((each) => each >= length);
  if (beyond !== undefined) {
    throw new SuitError(
      'run',
      'component-unsupported',
      `expected a component index below ${length}, found ${beyond}`,
    );
  }
  return list;
}

/**
 * Nested loops over components multiply: the count of commands run is bounded, whatever the manifest's
 * size.
 */
function spend(state: State): void {
  if (state.commandsLeft-- === 0) {
    const { commands } = state.admitted.limits;
    throw new SuitError('run', 'operation-failed', `expected at most ${commands} commands, found more`);
  }
}
