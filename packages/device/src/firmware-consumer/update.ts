/**
 * One update, from the notice to an image that waits for its trial (RFC 9019 §9). Whoever offered it is told
 * how it ended; where nobody is, it is tried again later.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest, AuthenticManifest, Ending, SuitRecord } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import { TransportError } from '@lapel/transport';
import type { AgentOptions } from '../agent-options.ts';
import { handoverDowntimeMs } from '../downtime.ts';
import { inRecord } from '../storage/journal-record.ts';
import type { Candidate } from '../update-source.ts';
import { requirePeers } from './elsewhere.ts';
import type { Fetching } from './fetch.ts';
import { atEither, backOff, fetchEnvelope } from './fetch.ts';
import type { Installed } from './install.ts';
import { canGoBack, install, isForRecovery, isInPlace, mustHandOver } from './install.ts';
import { mayInterrupt } from './interruption.ts';
import { waitWith } from './consent.ts';
import { atMost, once, severalTimes } from './patience.ts';
import type { Spoiled } from './spoiled.ts';
import { endingOf, referenceTo, reportFailure, reportPending, reportSuccess } from './report.ts';
import { tell } from './tell.ts';
import { isConfirmedElsewhere, tryElsewhere } from './try-elsewhere.ts';
import { verify } from './verify.ts';

/** `postponed`: it could not be obtained for now. */
export type UpdateEnd = 'staged' | 'failed' | 'up-to-date' | 'postponed';

/** Rejects only with the signal's reason, or with what is a bug. */
export async function update(
  agent: AgentOptions,
  candidate: Candidate,
  signal: AbortSignal,
  spoiled: Spoiled,
): Promise<UpdateEnd> {
  const { signal: wanted } = candidate;
  try {
    const until = wanted === undefined ? signal : AbortSignal.any([signal, wanted]);
    return await attempt(agent, candidate, until, spoiled);
  } catch (error) {
    const isNetwork = error instanceof TransportError;
    // What is cut off may look like a network that has gone away.
    if (wanted?.aborted === true && !signal.aborted && (isNetwork || error === wanted.reason))
      return withdrawn(agent);
    if (!isNetwork) throw error;
    agent.source.ended?.({ end: 'unobtainable', error });
    // Not waited for here: meanwhile the update may be withdrawn, or replaced by one that can be obtained.
    return 'postponed';
  }
}

/** How often a payload is fetched, at once, until it arrives as it should. */
const wrongPayloadMax = 2;

async function attempt(
  agent: AgentOptions,
  candidate: Candidate,
  signal: AbortSignal,
  spoiled: Spoiled,
): Promise<UpdateEnd> {
  const { profile, decision } = agent;
  const { layout } = profile;
  const { binding, consent } = candidate;
  const first = { ...agent, signal, base: candidate.uri, otherBase: candidate.otherUri };
  const found = await admittedFrom(agent, candidate, first);
  if (found.failure !== undefined) return fail(agent, signal, candidate, endingOf(found.failure));
  const { envelope, admitted, fetching } = found;
  agent.onStep?.('manifest-validated');
  const { digest } = admitted.authentic;
  const same = decision.running.find((each) => equalInConstantTime(digest.bytes, each.manifest.digest.bytes));
  if (same !== undefined || isConfirmedElsewhere(agent, admitted)) {
    // Whoever offers what runs has missed the report of it.
    const { manifest, records } = same ?? { manifest: admitted.authentic, records: [] };
    return succeed(agent, signal, manifest, binding, records);
  }

  if (isInPlace(layout, agent.journal.bootRecord, admitted))
    return succeed(agent, signal, admitted.authentic, binding, []);

  const impatience = refusalOf(() => spoiled.requirePatience(digest.bytes));
  if (impatience !== undefined) {
    const end = await fail(agent, signal, candidate, endingOf(impatience), digest.bytes);
    return binding.nonce === undefined ? 'postponed' : end;
  }
  if (mustHandOver(layout, admitted.components, decision)) {
    if (!decision.isRecovery) return handOver(agent, signal, admitted, candidate);
    return fail(agent, signal, candidate, endingOf(replacesItself()), digest.bytes);
  }

  const permission = await waitWith(agent, signal, digest.bytes, consent, 'beforeFetch');
  if (permission === 'withdrawn') return withdrawn(agent);
  agent.onStep?.('fetching');
  await tell(agent, signal, 'fetching', digest.bytes);
  const installation = { ...agent, ...profile, envelope, admitted, binding };
  for (let wrong = 1; ; wrong++) {
    const ended = await install({ ...installation, fetching: waysFor(wrong, fetching) });
    if (ended.staged !== undefined) return installStaged(agent, signal, admitted, candidate, ended);
    // It brought nothing that is booted: it ends here.
    if (ended.failure === undefined) {
      return succeed(agent, signal, admitted.authentic, binding, ended.records);
    }
    if (ended.isPutOff) return putOff(agent, ended);
    const mismatch = isWrongPayload(ended);
    if (!mismatch || wrong === wrongPayloadMax) {
      if (mismatch) spoiled.happened(digest.bytes);
      const mayPass = mismatch || ended.failure.error.reason === 'operation-failed';
      const isBack = canGoBack(agent, layout);
      const end = await fail(agent, signal, candidate, ended, digest.bytes);
      // Where an offer was made, whoever made it decides what comes next.
      return mayPass && binding.nonce === undefined && !isBack ? 'postponed' : end;
    }
    await agent.clock.sleep(backOff(wrong, agent.random), signal);
  }
}

const isWrongPayload = ({ failure, isSpoiled = false }: Ending & Partial<Pick<Installed, 'isSpoiled'>>) =>
  failure?.record.properties.imageDigest !== undefined || isSpoiled;

/** What arrived wrong may be the fault of a cache: the next try is past all of them. */
const waysFor = (tries: number, fetching: Fetching): Fetching =>
  tries === 1 ? fetching : { ...fetching, from: 'origin', base: fetching.otherBase ?? fetching.base };

/** There is nothing to boot for it, and whoever offered it is told that all is well. */
async function succeed(
  agent: AgentOptions,
  signal: AbortSignal,
  manifest: AuthenticManifest,
  binding: Candidate['binding'],
  records: readonly SuitRecord[],
): Promise<UpdateEnd> {
  const report = reportSuccess(agent.trust, referenceTo(manifest), binding, records);
  agent.source.ended?.({ end: 'up-to-date' });
  await severalTimes(agent, signal, () => agent.source.report(report, signal));
  return 'up-to-date';
}

/** Not now, says the application, or what the manifest waits for: nobody is told of a failure. */
function putOff(agent: AgentOptions, { failure }: Installed): 'postponed' {
  agent.onStep?.('postponed', failure?.error.message);
  return notNow(agent);
}

function notNow({ source }: AgentOptions): 'postponed' {
  source.ended?.({ end: 'put-off' });
  return 'postponed';
}

/** All lies ready: it goes on when whoever decides that says so. */
async function installStaged(
  agent: AgentOptions,
  signal: AbortSignal,
  admitted: AdmittedManifest,
  { binding, consent }: Candidate,
  ended: Installed,
): Promise<UpdateEnd> {
  const digest = admitted.authentic.digest.bytes;
  const permission = await waitWith(agent, signal, digest, consent, 'beforeInstall');
  if (permission === 'withdrawn') return withdrawn(agent);
  const allowed = { ...ended, isOrdered: permission === 'obey' };
  if (ended.staged === 'elsewhere') return tryElsewhere(agent, signal, admitted, binding, allowed);
  return activate(agent, signal, admitted, binding, allowed);
}

/** What is staged is booted next, on trial: once the application has put its service down. */
async function activate(
  agent: AgentOptions,
  signal: AbortSignal,
  { authentic }: AdmittedManifest,
  binding: Candidate['binding'],
  { records, staged, isOrdered }: Installed & { readonly isOrdered: boolean },
): Promise<UpdateEnd> {
  const { journal, trust, profile } = agent;
  if (typeof staged !== 'number') throw new Error(`expected a staged slot, found ${staged}`);
  const report = reportPending(trust, referenceTo(authentic), binding, records);
  await once(() => agent.source.report(report, signal));
  if (!(await mayInterrupt(agent, signal, { isOrdered }))) return notNow(agent);
  const { digest } = authentic;
  await tell(agent, signal, 'installing', digest.bytes);
  if (isForRecovery(profile.layout, staged)) journal.append({ name: 'handover', digest: digest.bytes });
  journal.append({ name: 'trial', slot: staged, attempts: trust.attempts });
  agent.onStep?.('restarting');
  return 'staged';
}

function withdrawn({ onStep, source }: AgentOptions): 'postponed' {
  onStep?.('postponed', 'the offer was withdrawn, or declined');
  source.ended?.({ end: 'withdrawn' });
  return 'postponed';
}

/** The recovery application installs what cannot be replaced while it runs: it is asked for the same. */
async function handOver(
  agent: AgentOptions,
  signal: AbortSignal,
  { authentic }: AdmittedManifest,
  { consent }: Candidate,
): Promise<UpdateEnd> {
  const permission = await waitWith(agent, signal, authentic.digest.bytes, consent, 'beforeInstall');
  if (permission === 'withdrawn') return withdrawn(agent);
  const notice = { of: handoverDowntimeMs, isOrdered: permission === 'obey' };
  if (!(await mayInterrupt(agent, signal, notice))) return notNow(agent);
  await tell(agent, signal, 'installing', authentic.digest.bytes);
  agent.journal.append({ name: 'handover', digest: authentic.digest.bytes });
  agent.onStep?.('restarting', 'for the recovery application');
  return 'staged';
}

const replacesItself = () => {
  const found = 'expected an update that the recovery application can install, found one of itself too';
  return new SuitError('run', 'component-unsupported', found);
};

type Found =
  | {
      readonly envelope: Uint8Array;
      readonly admitted: AdmittedManifest;
      /** From where it came, so that the rest comes from there, too. */
      readonly fetching: Fetching;
      readonly failure?: undefined;
    }
  | { readonly failure: SuitError };

/** The manifest that was offered, proved; nothing has been written. @throws {TransportError} */
async function admittedFrom(agent: AgentOptions, candidate: Candidate, first: Fetching): Promise<Found> {
  const { profile, trust, journal } = agent;
  try {
    const { envelope, fetching } = await atEither(first, async (from) => ({
      envelope:
        copyOf(candidate.envelope, profile.limits.envelopeBytes) ??
        (await atMost(agent, from.signal, () =>
          fetchEnvelope(from.base, profile.limits.envelopeBytes, from),
        )),
      fetching: from,
    }));
    const admitted = verify(envelope, profile, trust, journal.bootRecord, candidate.binding);
    requireOffered(admitted, candidate);
    requirePeers(profile.layout, admitted, agent.peers);
    return { envelope, admitted, fetching };
  } catch (error) {
    if (error instanceof SuitError) return { failure: error };
    throw error;
  }
}

function refusalOf(check: () => void): SuitError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof SuitError) return error;
    throw error;
  }
}

/**
 * Copied once, so that what is installed is what was checked, whatever its owner does with it meanwhile (REQ
 * MFST.CONST). What is too long is refused before it costs memory.
 */
const copyOf = (bytes: Uint8Array | undefined, most: number): Uint8Array | undefined =>
  bytes === undefined || bytes.length > most ? bytes : new Uint8Array(bytes);

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
  const { error } = ending.failure ?? {};
  agent.onStep?.('failed', error?.message);
  if (error !== undefined)
    agent.source.ended?.({ end: 'failed', error, isWrongPayload: isWrongPayload(ending) });
  await tell(agent, signal, 'failed', digest);
  if (digest === undefined) return 'failed';
  if (found !== undefined && canGoBack(agent, agent.profile.layout)) {
    // It is not handed over a second time; who made the offer is told here.
    const { nonce: _, ...rest } = candidate.binding;
    const because = inRecord(ending.failure?.error.message ?? 'refused');
    agent.journal.append({ name: 'reverted', digest, because, ...rest });
  }
  const report = reportFailure(agent.trust, { digest }, candidate.binding, ending);
  await severalTimes(agent, signal, () => agent.source.report(report, signal));
  return 'failed';
}
