/**
 * The agent: the loop in the application that checks in, updates, confirms and reports. It ends when the
 * device must restart; whoever runs it then calls the bootloader, and starts it again.
 */

import type { AuthenticManifest } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import type { AgentOptions } from './agent-options.ts';
import type { Running } from './bootloader/boot.ts';
import { confirm } from './firmware-consumer/confirm.ts';
import { keepInStep, together } from './firmware-consumer/direct.ts';
import { isElsewhere } from './firmware-consumer/elsewhere.ts';
import { canGoBack } from './firmware-consumer/install.ts';
import { patiently, severalTimes } from './firmware-consumer/patience.ts';
import { endingOf, referenceTo, reportFailure, reportSuccess } from './firmware-consumer/report.ts';
import { patienceWith } from './firmware-consumer/spoiled.ts';
import { announce } from './firmware-consumer/tell.ts';
import { abandonElsewhere } from './firmware-consumer/try-elsewhere.ts';
import { update } from './firmware-consumer/update.ts';
import { stateOf } from './storage/slot-state.ts';
import { readTrustStore } from './trust-store.ts';

/** Between two tries of an update that cannot be obtained, at most. */
const postponedMsMax = 24 * 60 * 60 * 1000;

/** Rejects only with the signal's reason, or with what is a bug. */
export async function runAgent(agent: AgentOptions, signal: AbortSignal): Promise<'restart'> {
  if (agent.peers === undefined) return lead(agent, signal);
  abandonElsewhere(agent);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  try {
    return await Promise.race([lead(agent, until), keepInStep(agent, until)]);
  } finally {
    over.abort();
  }
}

async function lead(started: AgentOptions, signal: AbortSignal): Promise<'restart'> {
  const { clock, random, pollMs, source, profile, flash } = started;
  let agent = started;
  tellDowntime(agent);
  if (agent.decision.onTrial) {
    const ended = await endTrial(agent, signal);
    agent.onStep?.(ended);
    if (ended === 'reverted') return 'restart';
  }
  const { reverted } = agent.journal.bootRecord;
  const state = reverted?.binding.nonce === undefined ? 'idle' : 'reverted';
  await patiently(agent, signal, () => announce(agent, signal, state));
  await reportEnds(agent, signal);
  const spoiled = patienceWith(agent.journal, clock);
  let wanted: AbortSignal | undefined;
  for (let postponed = 0; ;) {
    const candidate = await patiently(agent, signal, () => source.next(signal));
    // Whoever has asked for another one has not been waited for yet.
    if (candidate !== undefined && candidate.signal !== wanted) postponed = 0;
    wanted = candidate?.signal ?? wanted;
    const ended = candidate === undefined ? undefined : await update(agent, candidate, signal, spoiled);
    if (ended === 'staged') return 'restart';
    if (ended === 'up-to-date') {
      // It may have been an order about whom to trust: what comes next is held against that.
      const { trustStore } = profile.layout;
      agent = { ...agent, trust: readTrustStore(flash, trustStore) ?? agent.trust };
    }
    // A recovery application with nothing to do goes back to what it stands in for.
    if ((ended === undefined || ended === 'failed') && canGoBack(agent, profile.layout)) return 'restart';
    if (ended === 'postponed') source.postpone();
    // Ever more patiently: each try of an update may cost erases, and flash wears out.
    if (ended !== undefined) postponed = ended === 'postponed' ? postponed + 1 : 0;
    const waitMs = Math.max(pollMs, Math.min(postponedMsMax, pollMs * 2 ** postponed));
    // Jitter keeps a fleet that was started together from asking together.
    await clock.sleep(waitMs * (0.5 + random.fraction()), signal);
  }
}

function endTrial(agent: AgentOptions, signal: AbortSignal): Promise<'confirmed' | 'reverted'> {
  const { running } = agent.decision;
  const { slot, manifest } = running.find((each) => each.onTrial) ?? running[0];
  const { layout } = agent.profile;
  const components = componentsOf(manifest, running);
  const ask = () => announce(agent, signal, 'awaiting-confirmation', manifest.digest.bytes);
  const needsPeer = manifest.manifest.common.components?.some((each) => isElsewhere(layout, each)) ?? false;
  const others = (deadlineMs: number) => together(agent, signal, deadlineMs);
  return confirm({
    ...agent,
    layout,
    slot,
    manifest,
    components,
    signal,
    announce: ask,
    ...(needsPeer ? { together: others } : {}),
  });
}

/** Each once: those that the manifest names, and those of its dependencies that are on trial with it. */
function componentsOf({ manifest }: AuthenticManifest, running: readonly Running[]) {
  const own = manifest.common.components ?? [];
  const tried = running.filter((each) => each.onTrial).map(({ component }) => component);
  const all = [...own, ...tried].map((component) => [componentName(component), component] as const);
  return [...new Map(all).values()];
}

function tellDowntime({ downtime, onStep }: AgentOptions): void {
  if (downtime === undefined) return;
  const { measuredMs, expectedMs } = downtime;
  onStep?.('service-resumed', `after ${Math.round(measuredMs)} ms, expected were ${expectedMs} ms`);
}

/** Reports how updates ended that were begun before the last restart. */
async function reportEnds(agent: AgentOptions, signal: AbortSignal): Promise<void> {
  const { journal, trust, decision } = agent;
  for (const { slot, manifest, records } of decision.running) {
    const own = stateOf(journal.bootRecord.slots, slot);
    if (own.state !== 'confirmed' || own.binding.nonce === undefined) continue;
    const report = reportSuccess(trust, referenceTo(manifest), own.binding, records);
    await hand(agent, signal, report, own.digest);
  }
  const { reverted } = journal.bootRecord;
  if (reverted?.binding.nonce !== undefined) {
    const failed = endingOf(new SuitError('run', 'operation-failed', reverted.because));
    const report = reportFailure(trust, { digest: reverted.digest }, reverted.binding, failed);
    await hand(agent, signal, report, reverted.digest);
  }
}

/** A report that is refused stays due until the next start, and keeps the device from nothing. */
async function hand(agent: AgentOptions, signal: AbortSignal, report: Uint8Array, digest: Uint8Array) {
  if (!(await severalTimes(agent, signal, () => agent.source.report(report, signal)))) return;
  agent.journal.append({ name: 'reported', digest });
  agent.onStep?.('reported');
}
