/**
 * The abstract machine of draft-ietf-suit-manifest-37 §6.4, as a generator: `yield` = ask the world. It
 * decides; a driver acts. So the same machine runs in a bootloader, in an agent, in a dry run, and in a
 * simulator that cuts the power between any two effects.
 *
 * §6.6 serial processing and §6.7 parallel processing are not done: commands run strictly in order, which
 * both allow. What §6.7 forbids where the order does not matter is refused all the same.
 */

import type { AdmittedManifest } from '../admit.ts';
import type { SeverableName } from '../envelope.ts';
import type { ComponentIdentifier, SectionName } from '../manifest.ts';
import { SuitError } from '../reason.ts';
import { dependencySlots } from '../trust-domains.ts';
import { commandsIn } from '../walk.ts';
import { requireKnown } from './depend.ts';
import type { Run } from './drive.ts';
import type { Need } from './needs.ts';
import { needsOf } from './needs.ts';
import type { SuitRecord } from './record.ts';
import { recordOf } from './record.ts';
import { runSection } from './section.ts';
import { initialState } from './state.ts';
import { operationFailed } from './target.ts';

/**
 * §8.4.6: goals 1, 2 and 3 update; goals 3, 4 and 5 invoke. Trust-domains §3, §7: dependencies come first,
 * what was staged is verified before it is installed, and both halves may run in domains of their own.
 */
const procedures = {
  update: ['dependencyResolution', 'payloadFetch', 'candidateVerification', 'install', 'validate'],
  staging: ['dependencyResolution', 'payloadFetch'],
  installation: ['candidateVerification', 'install'],
  invocation: ['validate', 'load', 'invoke'],
  uninstall: ['uninstall'],
} as const satisfies Record<string, readonly SectionName[]>;
export type Procedure = keyof typeof procedures;

/** How a procedure ended. Failing is normal, so it is a value. */
export interface Ending {
  /** The records that the reporting policies asked for, at most 64. */
  readonly records: readonly SuitRecord[];
  /**
   * Components that an image match has proved, or of a dependency the check of its integrity, and nothing
   * has changed since. A manifest need not check what it fetched; whoever is about to boot a component finds
   * here whether this one did.
   */
  readonly verified: readonly ComponentIdentifier[];
  /** Where an update succeeded: references that it adds, for whoever counts them (trust-domains §5.6.5). */
  readonly needs?: readonly Need[];
  readonly failure?: { readonly error: SuitError; readonly record: SuitRecord };
}

/** Runs one procedure. Whatever a driver throws that is no SuitError passes through. */
export function* run(admitted: AdmittedManifest, procedure: Procedure): Run<Ending> {
  const state = initialState(admitted);
  const { shared } = state;
  const ending = (): Ending => ({ records: shared.records, verified: [...shared.verified.values()] });
  try {
    requireSequences(admitted, procedure);
    requireProcessing(admitted, procedure);
    for (const section of procedures[procedure]) yield* runSection(section, state);
    requireKnown(state);
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return { ...ending(), failure: { error, record: recordOf(shared.last) } };
  }
  return procedure === 'update' || procedure === 'installation'
    ? { ...ending(), needs: needsOf(state) }
    : ending();
}

/** A procedure that would do nothing, not even check who it is for, is no success. */
function requireSequences({ sections: present, severed }: AdmittedManifest, procedure: Procedure): void {
  const cutOff: ReadonlySet<SeverableName | SectionName> = severed;
  if (procedures[procedure].some((name) => present[name] !== undefined || cutOff.has(name))) return;
  const found = `expected a sequence of the ${procedure} procedure, found none`;
  throw new SuitError('run', 'operation-failed', found);
}

/**
 * Trust-domains §5.1: a procedure that leaves a dependency out altogether is known to before it begins. To
 * uninstall needs none of them.
 */
function requireProcessing({ authentic, slots, limits }: AdmittedManifest, procedure: Procedure): void {
  const left = new Set(procedure === 'uninstall' ? [] : dependencySlots(slots));
  if (left.size === 0) return;
  const names: readonly SectionName[] = procedures[procedure];
  commandsIn(authentic, slots.length, limits.nestingDepth, ({ section, components, command }) => {
    if (command.name !== 'directive-process-dependency' || !names.includes(section)) return;
    for (const index of components) left.delete(index);
  });
  const [first] = left;
  if (first === undefined) return;
  throw operationFailed(
    `expected the ${procedure} procedure to process dependency ${first}, found it left out`,
  );
}
