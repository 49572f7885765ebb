/**
 * The agent: the loop in the application that checks in, updates, confirms and reports. It ends when the
 * device must restart; whoever runs it then calls the bootloader, and starts it again.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { DeviceState } from '@lapel/status-tracker/protocol';
import type { AdmittedManifest, Ending } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import type { Clock, Random } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import type { BootDecision } from './bootloader/boot.ts';
import { confirm } from './firmware-consumer/confirm.ts';
import type { Network } from './firmware-consumer/fetch.ts';
import { backOff, fetchEnvelope } from './firmware-consumer/fetch.ts';
import { activate, install } from './firmware-consumer/install.ts';
import {
  endingOf,
  referenceTo,
  reportFailure,
  reportPending,
  reportSuccess,
} from './firmware-consumer/report.ts';
import { verify } from './firmware-consumer/verify.ts';
import { inventory } from './inventory.ts';
import type { Profile } from './profile.ts';
import type { OnStep } from './step.ts';
import type { Flash } from './storage/flash.ts';
import type { Journal } from './storage/journal.ts';
import { imageBytesMax } from './storage/layout.ts';
import type { TrustStore } from './trust-store.ts';
import type { Candidate, UpdateSource } from './update-source.ts';

export interface AgentOptions {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
  /** What the bootloader jumped to: this application. */
  readonly decision: Extract<BootDecision, { readonly boot: 'slot' }>;
  readonly source: UpdateSource;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Between two looks for news, on average. */
  readonly pollMs: number;
  /** The firmware's own opinion of itself, asked once in a trial. */
  readonly selfTest: () => Promise<boolean>;
  readonly onStep?: OnStep;
}

/** How often a payload that arrived wrong is fetched again before the update is reported as failed. */
const wrongPayloadMax = 3;

/** Rejects only with the signal's reason, or with what is a bug. */
export async function runAgent(agent: AgentOptions, signal: AbortSignal): Promise<'restart'> {
  if (agent.decision.onTrial) {
    const ended = await endTrial(agent, signal);
    agent.onStep?.(ended);
    if (ended === 'reverted') return 'restart';
  }
  const { reverted } = agent.journal.bootRecord;
  const state = reverted?.binding.nonce === undefined ? 'idle' : 'reverted';
  await patiently(agent, signal, () => announce(agent, signal, state));
  await reportEnds(agent, signal);
  for (;;) {
    const candidate = await patiently(agent, signal, () => agent.source.next(signal));
    if (candidate !== undefined && (await update(agent, candidate, signal)) === 'staged') return 'restart';
    // Jitter keeps a fleet that was started together from asking together.
    await agent.clock.sleep(agent.pollMs * (0.5 + agent.random.fraction()), signal);
  }
}

function endTrial(agent: AgentOptions, signal: AbortSignal): Promise<'confirmed' | 'reverted'> {
  const { journal, trust, decision, clock, random, selfTest } = agent;
  const { slot, manifest } = decision;
  const ask = () => announce(agent, signal, 'awaiting-confirmation', manifest.digest.bytes);
  return confirm({ journal, trust, slot, manifest, clock, random, signal, selfTest, announce: ask });
}

/** Reports how updates ended that were begun before the last restart. */
async function reportEnds(agent: AgentOptions, signal: AbortSignal): Promise<void> {
  const { journal, trust, decision } = agent;
  const own = journal.bootRecord.slots[decision.slot];
  if (own.state === 'confirmed' && own.binding.nonce !== undefined) {
    const report = reportSuccess(trust, referenceTo(decision.manifest), own.binding, decision.records);
    await hand(agent, signal, report, own.digest);
  }
  const { reverted } = journal.bootRecord;
  if (reverted?.binding.nonce !== undefined) {
    const failed = endingOf(new SuitError('run', 'operation-failed', reverted.because));
    const report = reportFailure(trust, { digest: reverted.digest }, reverted.binding, failed);
    await hand(agent, signal, report, reverted.digest);
  }
}

async function hand(agent: AgentOptions, signal: AbortSignal, report: Uint8Array, digest: Uint8Array) {
  await patiently(agent, signal, () => agent.source.report(report, signal));
  agent.journal.append({ name: 'reported', digest });
  agent.onStep?.('reported');
}

async function update(
  agent: AgentOptions,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<'staged' | 'failed' | 'up-to-date'> {
  const { profile, trust, journal, decision } = agent;
  const { binding } = candidate;
  const fetching = { ...agent, signal, base: candidate.uri };
  const envelope =
    candidate.envelope ??
    (await patiently(agent, signal, () =>
      fetchEnvelope(candidate.uri, profile.limits.envelopeBytes, fetching),
    ));
  let admitted: AdmittedManifest;
  try {
    admitted = verify(envelope, profile, trust, journal.bootRecord, binding);
    requireOffered(admitted, candidate);
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return fail(agent, signal, candidate, endingOf(error));
  }
  agent.onStep?.('manifest-validated');
  const { digest } = admitted.authentic;
  if (equalInConstantTime(digest.bytes, decision.manifest.digest.bytes)) {
    // Whoever offers what runs has missed the report of it.
    const report = reportSuccess(trust, referenceTo(decision.manifest), binding, decision.records);
    await patiently(agent, signal, () => agent.source.report(report, signal));
    return 'up-to-date';
  }

  agent.onStep?.('fetching');
  await tell(agent, signal, 'fetching', digest.bytes);
  const running = decision.slot;
  for (let wrong = 1; ; wrong++) {
    const installation = { ...agent, running, envelope, admitted, binding, fetching };
    const ended = await patiently(agent, signal, () => install(installation));
    if (ended.staged) {
      const report = reportPending(trust, referenceTo(admitted.authentic), binding, ended.records);
      await tell(agent, signal, 'installing', digest.bytes);
      await once(() => agent.source.report(report, signal));
      activate(journal, running, trust.attempts);
      agent.onStep?.('restarting');
      return 'staged';
    }
    if (ended.failure === undefined) return 'up-to-date';
    // A payload that does not match may be the fault of a cache: that is no reason to give up the release.
    const mismatch = ended.failure.record.properties.imageDigest !== undefined;
    if (!mismatch || wrong === wrongPayloadMax) return fail(agent, signal, candidate, ended, digest.bytes);
    await agent.clock.sleep(backOff(wrong, agent.random), signal);
  }
}

function requireOffered({ authentic }: AdmittedManifest, { digest }: Candidate): void {
  if (digest === undefined || equalInConstantTime(authentic.digest.bytes, digest)) return;
  throw new SuitError('setup', 'unauthorised', 'expected the manifest that was offered, found another');
}

async function fail(
  agent: AgentOptions,
  signal: AbortSignal,
  candidate: Candidate,
  ending: Ending,
  found?: Uint8Array,
): Promise<'failed'> {
  const digest = candidate.digest ?? found;
  agent.onStep?.('failed', ending.failure?.error.message);
  await tell(agent, signal, 'failed', digest);
  if (digest === undefined) return 'failed';
  const report = reportFailure(agent.trust, { digest }, candidate.binding, ending);
  await patiently(agent, signal, () => agent.source.report(report, signal));
  return 'failed';
}

function announce(
  agent: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<void> {
  const { profile, decision, source } = agent;
  return source.announce(
    {
      state,
      components: inventory(profile, decision),
      imageBytesMax: imageBytesMax(profile.layout),
      bootReason: decision.reason.slice(0, bootReasonMax),
      ...(pending === undefined ? {} : { pending }),
    },
    signal,
  );
}

const bootReasonMax = 128;

/** Says how far things are; worth one try, no more. */
async function tell(
  agent: AgentOptions,
  signal: AbortSignal,
  state: DeviceState,
  pending?: Uint8Array,
): Promise<void> {
  await once(() => announce(agent, signal, state, pending));
}

async function once(attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
}

/**
 * Until it succeeds: a network that stays away is waited for, ever more patiently, never a reason to change
 * anything.
 */
async function patiently<T>(agent: AgentOptions, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let misses = 0; ; misses++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
    await agent.clock.sleep(backOff(misses, agent.random), signal);
  }
}
