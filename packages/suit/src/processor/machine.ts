/**
 * The abstract machine of draft-ietf-suit-manifest-37 §6.4, as a generator: `yield` = ask the world. It
 * decides; a driver acts. So the same machine runs in a bootloader, in an agent, in a dry run, and in a
 * simulator that cuts the power between any two effects.
 *
 * §6.6 serial processing and §6.7 parallel processing are not done: commands run strictly in order, which
 * both allow.
 */

import type { AdmittedManifest } from '../admit.ts';
import type { SeverableName } from '../envelope.ts';
import type { ComponentIdentifier, SectionName } from '../manifest.ts';
import { sections } from '../manifest.ts';
import { SuitError, parsing } from '../reason.ts';
import type { Command, EncodedSequence, Located } from '../sequence.ts';
import { readSequence } from '../sequence.ts';
import type { Run } from './drive.ts';
import { perform } from './perform.ts';
import type { SuitRecord } from './record.ts';
import { consumedBy } from './record.ts';
import type { State } from './state.ts';
import type { Target } from './target.ts';
import {
  begin,
  copyParameters,
  forget,
  initialState,
  keepRecord,
  overrideParameters,
  setComponentIndex,
} from './state.ts';

/** §8.4.6: goals 1, 2 and 3 update; goals 3, 4 and 5 invoke. */
const procedures = {
  update: ['payloadFetch', 'install', 'validate'],
  invocation: ['validate', 'load', 'invoke'],
} as const satisfies Record<string, readonly SectionName[]>;
export type Procedure = keyof typeof procedures;

/** How a procedure ended. Failing is normal, so it is a value. */
export interface Ending {
  /** The records that the reporting policies asked for, at most 64. */
  readonly records: readonly SuitRecord[];
  /**
   * Components that an image match has proved, and nothing has changed since. A manifest need not check
   * what it fetched; whoever is about to boot a component finds here whether this one did. Absent where
   * nothing ran.
   */
  readonly verified?: readonly ComponentIdentifier[];
  readonly failure?: { readonly error: SuitError; readonly record: SuitRecord };
}

/** Why a condition did not hold; a value, because a try-each may go on after it. */
type ConditionFailure = string;

/** Runs one procedure. Whatever a driver throws that is no SuitError passes through. */
export function* run(admitted: AdmittedManifest, procedure: Procedure): Run<Ending> {
  const state = initialState(admitted);
  const ending = (): Ending => ({
    records: state.records,
    verified: [...state.verified].map((index) => admitted.components[index] ?? []),
  });
  try {
    requireSequences(admitted, procedure);
    for (const section of procedures[procedure]) {
      requirePresent(admitted, section);
      if (admitted.sections[section] === undefined) continue;
      // §8.4.5: the shared sequence runs before any other.
      yield* topLevel('sharedSequence', state);
      yield* topLevel(section, state);
    }
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return { ...ending(), failure: { error, record: state.last } };
  }
  return ending();
}

/** A procedure that would do nothing, not even check who it is for, is no success. */
function requireSequences({ sections: present, severed }: AdmittedManifest, procedure: Procedure): void {
  const cutOff: ReadonlySet<SeverableName | SectionName> = severed;
  if (procedures[procedure].some((name) => present[name] !== undefined || cutOff.has(name))) return;
  const found = `expected a sequence of the ${procedure} procedure, found none`;
  throw new SuitError('run', 'operation-failed', found);
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

/**
 * Runs commands in order until one condition fails, each once for every component of the index (§6.5),
 * control flow included. `base` is where the sequence begins in its section.
 */
function* sequence(
  commands: readonly Located[],
  base: number,
  state: State,
): Run<ConditionFailure | undefined> {
  for (const { command, offset } of commands) {
    if (command.name === 'directive-set-component-index') {
      begin(base + offset, state.current[0] ?? 0, state);
      setComponentIndex(command.index, state);
      continue;
    }
    if (command.name === 'directive-override-multiple') {
      for (const [index, parameters] of command.byIndex) {
        begin(base + offset, index, state);
        setComponentIndex(index, state);
        overrideParameters(parameters, index, state);
      }
      continue;
    }
    const outer = state.current;
    for (const component of outer) {
      begin(base + offset, component, state);
      if (command.name === 'directive-override-parameters') {
        overrideParameters(command.parameters, component, state);
      } else if (command.name === 'directive-copy-params') {
        copyParameters(command.from, component, state);
      } else {
        const failure = yield* step(command, component, state);
        if (failure !== undefined) return failure;
      }
    }
    state.current = outer;
  }
  return undefined;
}

type Step = Exclude<
  Command,
  {
    readonly name:
      | 'directive-set-component-index'
      | 'directive-override-parameters'
      | 'directive-override-multiple'
      | 'directive-copy-params';
  }
>;

/** No generator of its own: each level that an effect passes through on its way out costs time. */
function step(command: Step, component: number, state: State): Run<ConditionFailure | undefined> {
  switch (command.name) {
    case 'directive-try-each':
      return tryEach(command.sequences, component, state);
    case 'directive-run-sequence':
      return runSequence(command.sequence, component, state);
    case 'custom':
    case 'unknown': {
      const found = `expected a command of manifest-37, found ${command.code}`;
      throw new SuitError('run', 'command-unsupported', found);
    }
    default:
      return recorded(command, component, state);
  }
}

/** Performs a command of the table (§6.4), and keeps its record whether it ends, fails or aborts. */
function* recorded(
  { name, policy }: Extract<Command, { readonly policy: number }>,
  component: number,
  state: State,
): Run<ConditionFailure | undefined> {
  const { components, authentic, limits } = state.admitted;
  const parameters = state.parameters[component] ?? {};
  const record = { ...state.last, properties: consumedBy(name, parameters) };
  state.last = record;
  forget(name, component, state);
  const target: Target = {
    component: components[component] ?? [],
    parameters,
    components,
    payloads: authentic.envelope.payloads,
    contentBytesMax: limits.contentBytes,
    policy: state.admitted.policy,
  };
  let succeeded = false;
  try {
    const failure = name === 'condition-abort' ? 'abort' : yield* perform(name, target);
    succeeded = failure === undefined;
    if (succeeded && name === 'condition-image-match') state.verified.add(component);
    return failure;
  } finally {
    keepRecord(record, policy, succeeded, state);
  }
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
    const found = `expected at most ${nestingDepth} nested sequences, found more`;
    throw new SuitError('run', 'operation-failed', found);
  }
  const commands =
    state.nested.get(encoded) ?? parsing('run', 'nested sequence', () => readSequence(encoded));
  state.nested.set(encoded, commands);
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
