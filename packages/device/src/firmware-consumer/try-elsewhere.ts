/**
 * An update of other processors alone, on trial. This application goes on running meanwhile, and its journal
 * says what they are told: `told` while the trial lasts, then `confirmed` or `reverted`. A restart in between
 * ends the trial.
 */

import type { AdmittedManifest } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import type { AgentOptions } from '../agent-options.ts';
import { isSame } from '../storage/slot-state.ts';
import { confirmationElsewhere } from '../storage/snapshot.ts';
import type { Candidate } from '../update-source.ts';
import { disproof } from './confirm.ts';
import { together } from './direct.ts';
import { isElsewhere } from './elsewhere.ts';
import type { Installed } from './install.ts';
import { mayInterrupt } from './interruption.ts';
import { once, severalTimes } from './patience.ts';
import { endingOf, referenceTo, reportFailure, reportPending, reportSuccess } from './report.ts';
import { announce, tell } from './tell.ts';

/** Whether other processors have confirmed all that the manifest brings. */
export function isConfirmedElsewhere(
  { profile, journal }: AgentOptions,
  admitted: AdmittedManifest,
): boolean {
  const { floors } = journal.bootRecord;
  return admitted.components.every(
    (component) =>
      isElsewhere(profile.layout, component) &&
      isSame(floors.get(componentName(component))?.manifestDigest, admitted.authentic.digest.bytes),
  );
}

export async function tryElsewhere(
  agent: AgentOptions,
  signal: AbortSignal,
  { authentic, components }: AdmittedManifest,
  binding: Candidate['binding'],
  { records, isOrdered }: Installed & { readonly isOrdered: boolean },
): Promise<'up-to-date' | 'failed' | 'postponed'> {
  const { journal, trust, source, profile } = agent;
  const { bytes: digest } = authentic.digest;
  const reference = referenceTo(authentic);
  await tell(agent, signal, 'installing', digest);
  await once(() => source.report(reportPending(trust, reference, binding, records), signal));
  if (!(await mayInterrupt(agent, signal, { isOrdered }))) return 'postponed';
  const theirs = components.filter((component) => isElsewhere(profile.layout, component));
  journal.append({ name: 'told', digest, components: theirs, ...binding });
  const because = await disproof({
    ...agent,
    signal,
    announce: () => announce(agent, signal, 'awaiting-confirmation', digest),
    together: (deadlineMs) => together(agent, signal, deadlineMs),
  });
  if (because !== undefined) journal.append({ name: 'reverted', digest, because, ...binding });
  else journal.append(confirmationElsewhere(authentic, theirs));
  agent.onStep?.(because === undefined ? 'confirmed' : 'reverted', because);
  const report =
    because === undefined
      ? reportSuccess(trust, reference, binding, records)
      : reportFailure(
          trust,
          { digest },
          binding,
          endingOf(new SuitError('run', 'operation-failed', because)),
        );
  const isHeard = await severalTimes(agent, signal, () => source.report(report, signal));
  if (isHeard && because !== undefined) journal.append({ name: 'reported', digest });
  return because === undefined ? 'up-to-date' : 'failed';
}

/** It says nothing against the release that a restart came first: it may be tried again. */
export function abandonElsewhere({ journal }: AgentOptions): void {
  const { told } = journal.bootRecord;
  if (told === undefined) return;
  const because = 'restarted before it was confirmed';
  journal.append({ name: 'reverted', digest: told.digest, because, rotten: true, ...told.binding });
}
