/**
 * One section of one manifest, command by command (draft-ietf-suit-manifest-37 §6.4): the part of the
 * machine that runs again inside itself, for sequences in sequences and for dependencies.
 */

import type { AdmittedManifest } from '../admit.ts';
import type { SeverableName } from '../envelope.ts';
import type { Parameters, SectionName } from '../manifest.ts';
import { sections } from '../manifest.ts';
import { SuitError, parsing } from '../reason.ts';
import type { PolicyCommandName } from '../registry.ts';
import type { Command, EncodedSequence, Located } from '../sequence.ts';
import { readSequence } from '../sequence.ts';
import { dependencyIntegrity, dependencyMatch, isPassedOver, requireSettled } from './depend.ts';
import type { Run } from './drive.ts';
import { isAnothers } from './elsewhere.ts';
import { requireProof } from './encryption.ts';
import { questionOf } from './question.ts';
import type { State } from './state.ts';
import {
  begin,
  copyParameters,
  forget,
  keepRecord,
  overrideParameters,
  parametersOf,
  setComponentIndex,
  setStrictOrder,
  setUnsetParameters,
} from './state.ts';
import { requireNoRace, requireOneIndex } from './strict-order.ts';
import type { Question } from './target.ts';
import { operationFailed } from './target.ts';

/** Why a condition did not hold; a value, because a try-each may go on after it. */
type ConditionFailure = string;

/** One section of a manifest, and of its dependencies from there (trust-domains §5.4: in lockstep). */
export function* runSection(section: SectionName, state: State): Run<void> {
  requirePresent(state.admitted, section);
  const { sections: present } = state.admitted;
  // §8.4.5: the shared sequence runs before any other.
  for (const name of present[section] === undefined ? [] : (['sharedSequence', section] as const)) {
    const found = present[name];
    if (found === undefined) continue;
    enter(name, found.encoded.byteOffset, state);
    const failure = yield* sequence(found.commands, 0, state);
    if (failure === undefined) continue;
    throw new SuitError('run', 'condition-failed', `${name} (${sections[name]}): ${failure}`);
  }
  // What a dependency has to uninstall runs when it is unlinked, and only then.
  if (section !== 'uninstall') requireSettled(section, state);
}

function requirePresent({ severed }: AdmittedManifest, section: SectionName): void {
  if ((severed as ReadonlySet<SeverableName | SectionName>).has(section)) {
    throw new SuitError('run', 'severing-unsupported', `expected the severed ${section}, found it cut off`);
  }
}

/** Every section begins with the first component, in strict order. */
function enter(name: SectionName, start: number, state: State): void {
  state.section = name;
  state.sectionStart = start;
  state.current = [0];
  setStrictOrder(true, state);
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
      if (isAnothers(command, component, state) || isPassedOver(command, component, outer, state)) continue;
      begin(base + offset, component, state);
      if (command.name === 'directive-override-parameters') {
        overrideParameters(command.parameters, component, state);
      } else if (command.name === 'directive-set-parameters') {
        setUnsetParameters(command.parameters, component, state);
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
      | 'directive-set-parameters'
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
  const { shared, admitted } = state;
  const [parameters, slot] = [parametersOf(component, state), admitted.slots[component]];
  const place = shared.last;
  place.command = name;
  place.parameters = parameters;
  place.isDependency = slot?.dependency !== undefined;
  if (name !== 'directive-unlink') forget(name, component, state);
  requireNoRace(name, component, state);
  requireProof(name, component, state);
  let succeeded = false;
  try {
    const asked = askedBy(name, component, parameters, state);
    let failure: ConditionFailure | undefined;
    if (asked === undefined || typeof asked === 'string') failure = asked;
    else if (!('ask' in asked)) failure = yield* asked;
    else {
      if (asked.first !== undefined) yield asked.first;
      failure = asked.judge(yield asked.ask);
    }
    succeeded = failure === undefined;
    const proves = name === 'condition-image-match' || name === 'condition-dependency-integrity';
    if (succeeded && proves && slot !== undefined) {
      shared.verified.set(slot.name, slot.component);
    }
    return failure;
  } finally {
    keepRecord(place, policy, succeeded, state);
  }
}

/** A command's verdict, what it asks to come to one, or the run that leads to one. */
function askedBy(
  name: PolicyCommandName,
  component: number,
  parameters: Parameters,
  state: State,
): ConditionFailure | undefined | Question | Run<ConditionFailure | undefined> {
  const { slots, components, authentic, limits, policy, permissions } = state.admitted;
  const slot = slots[component];
  const isDependency = slot?.dependency !== undefined;
  switch (name) {
    case 'condition-abort':
      return 'abort';
    case 'condition-is-dependency':
      return isDependency ? undefined : 'expected a dependency, found another component';
    case 'condition-dependency-integrity':
      return dependencyIntegrity(component, state);
    case 'directive-process-dependency':
      return processDependency(component, state);
    case 'directive-unlink':
      return unlink(component, state);
    default:
      if (slot !== undefined && isDependency && name === 'condition-image-match') {
        return dependencyMatch(component, slot, state);
      }
      return questionOf(name, {
        component: slot?.component ?? [],
        isDependency,
        parameters,
        components,
        payloads: authentic.envelope.payloads,
        contentBytesMax: limits.contentBytes,
        policy,
        permissions,
      });
  }
}

/** Trust-domains §5.4, §5.6.2: the section that its dependent is in, where it has one. */
function* processDependency(index: number, state: State): Run<undefined> {
  const known = state.dependencies.get(index);
  if (known === undefined) {
    throw operationFailed(`expected a dependency whose integrity was checked at ${index}, found none`);
  }
  state.processed.add(index);
  yield* runSection(state.section, known);
  return undefined;
}

/**
 * Trust-domains §5.6.5: when nobody needs a dependency any more, it uninstalls itself. The manifest that does
 * so was checked before, and is at hand whatever becomes of its component.
 */
function* unlink(index: number, state: State): Run<undefined> {
  const { slots, authentic } = state.admitted;
  const slot = slots[index];
  const known = state.dependencies.get(index);
  if (slot?.dependency !== undefined && known === undefined) {
    throw operationFailed(`expected a dependency whose integrity was checked at ${index}, found none`);
  }
  forget('directive-unlink', index, state);
  const manifest = authentic.digest.bytes;
  const left = yield { do: 'unlink', component: slot?.component ?? [], manifest };
  if (left === 0 && known !== undefined) yield* runSection('uninstall', known);
  return undefined;
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
    state.shared.nested.get(encoded) ?? parsing('run', 'nested sequence', () => readSequence(encoded));
  state.shared.nested.set(encoded, commands);
  if (!softFailure) requireOneIndex(commands, state);
  const { softFailure: before, strictOrder, unordered } = state;
  state.softFailure = softFailure;
  // §6.7: a sequence inside another keeps its own order.
  setStrictOrder(true, state);
  state.depth++;
  state.current = [component];
  const failure = yield* sequence(commands, encoded.byteOffset - state.sectionStart, state);
  const soft = state.softFailure;
  state.softFailure = before;
  state.strictOrder = strictOrder;
  state.unordered = unordered;
  state.depth--;
  return { failure, soft };
}
