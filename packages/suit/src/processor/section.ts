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
import type { Slot } from '../trust-domains.ts';
import { dependencyIntegrity, dependencyMatch, isPassedOver, requireSettled } from './depend.ts';
import type { Run } from './drive.ts';
import { isAnothers } from './elsewhere.ts';
import { requireProof } from './encryption.ts';
import type { SettledCommandName } from './perform.ts';
import { perform } from './perform.ts';
import { consumedBy } from './record.ts';
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
import { operationFailed } from './target.ts';

/** Why a condition did not hold; a value, because a try-each may go on after it. */
type ConditionFailure = string;

/** One section of a manifest, and of its dependencies from there (trust-domains §5.4: in lockstep). */
export function* runSection(section: SectionName, state: State): Run<void> {
  requirePresent(state.admitted, section);
  if (state.admitted.sections[section] !== undefined) {
    // §8.4.5: the shared sequence runs before any other.
    yield* topLevel('sharedSequence', state);
    yield* topLevel(section, state);
  }
  // What a dependency has to uninstall runs when it is unlinked, and only then.
  if (section !== 'uninstall') requireSettled(section, state);
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
  setStrictOrder(true, state);
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
  const isDependency = slot?.dependency !== undefined;
  const record = { ...shared.last, properties: consumedBy(name, parameters, isDependency) };
  shared.last = record;
  if (name !== 'directive-unlink') forget(name, component, state);
  requireNoRace(name, component, state);
  requireProof(name, component, state);
  let succeeded = false;
  try {
    const settled = name === 'condition-abort' || name === 'condition-is-dependency';
    const failure = settled ? verdictOf(name, slot) : yield* performed(name, component, parameters, state);
    succeeded = failure === undefined;
    const proves = name === 'condition-image-match' || name === 'condition-dependency-integrity';
    if (succeeded && proves && slot !== undefined) {
      shared.verified.set(slot.name, slot.component);
    }
    return failure;
  } finally {
    keepRecord(record, policy, succeeded, state);
  }
}

function verdictOf(name: SettledCommandName, slot: Slot | undefined): ConditionFailure | undefined {
  if (name === 'condition-abort') return 'abort';
  return slot?.dependency === undefined ? 'expected a dependency, found another component' : undefined;
}

/** No generator of its own, like `step`. */
function performed(
  name: Exclude<PolicyCommandName, SettledCommandName>,
  component: number,
  parameters: Parameters,
  state: State,
): Run<ConditionFailure | undefined> {
  const { slots, components, authentic, limits, policy, permissions } = state.admitted;
  const slot = slots[component];
  switch (name) {
    case 'condition-dependency-integrity':
      return quietly(dependencyIntegrity(component, state));
    case 'directive-process-dependency':
      return quietly(processDependency(component, state));
    case 'directive-unlink':
      return quietly(unlink(component, state));
    default:
      if (slot?.dependency !== undefined && name === 'condition-image-match') {
        return dependencyMatch(component, slot, state);
      }
      return perform(name, {
        component: slot?.component ?? [],
        isDependency: slot?.dependency !== undefined,
        parameters,
        components,
        payloads: authentic.envelope.payloads,
        contentBytesMax: limits.contentBytes,
        policy,
        permissions,
      });
  }
}

/** What aborts, or ends with nothing to say. */
function* quietly(run: Run<void>): Run<undefined> {
  yield* run;
  return undefined;
}

/** Trust-domains §5.4, §5.6.2: the section that its dependent is in, where it has one. */
function* processDependency(index: number, state: State): Run<void> {
  const known = state.dependencies.get(index);
  if (known === undefined) {
    throw operationFailed(`expected a dependency whose integrity was checked at ${index}, found none`);
  }
  state.processed.add(index);
  yield* runSection(state.section, known);
}

/**
 * Trust-domains §5.6.5: when nobody needs a dependency any more, it uninstalls itself. The manifest that does
 * so was checked before, and is at hand whatever becomes of its component.
 */
function* unlink(index: number, state: State): Run<void> {
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
