/**
 * Why is this device not updating? One sentence, from what the tracker believes, and apart from it one from
 * what the device has signed; pure functions.
 */
import { hex } from '@lapel/cbor';
import { shownTime } from '../policy/shown-time.ts';
import { belonging } from './attributes.ts';
import type { CampaignView } from './campaign.ts';
import type { DeviceView, Member } from './fleet.ts';
import { runningVersion } from './fleet.ts';
import type { Newest } from './newest-store.ts';
import type { Evidence } from './store.ts';

/**
 * @param view the campaign of the device's member, where it is in one
 * @param open the campaigns that it might be in, where it is in none
 */
export function explain(
  device: DeviceView,
  view: CampaignView | undefined,
  nowMs: number,
  open: readonly CampaignView[] = [],
): string {
  const { id, approval, session, inventory, member } = device;
  if (approval === 'pending') return `${id} waits for an operator to approve it.`;
  if (approval === 'frozen') {
    return `${id} is frozen until an operator approves it again: ${device.lastError ?? 'no reason is kept'}.`;
  }
  if (approval === 'retired') {
    return `${id} is retired, and of the fleet no more: ${device.lastError ?? 'no reason is kept'}.`;
  }
  if (session === undefined) return `${id} has not registered yet.`;
  if (inventory === undefined) return `${id} has registered but not told yet what it runs.`;
  if (view === undefined || member === undefined) {
    return `${id} runs ${runningVersion(inventory)}, and no campaign addresses it${leftOut(device, open)}.`;
  }
  return `${id} ${inCampaign(device, member, view, nowMs)}.`;
}

/** Why the campaigns of its class pass a device by. */
function leftOut(device: DeviceView, open: readonly CampaignView[]): string {
  const reasons = open.flatMap(({ campaign }) => {
    const { predicate, ...others } = campaign;
    if (predicate === undefined || belonging(others, device) !== 'meant') return [];
    const isUnknown = belonging(campaign, device) === 'unknown';
    const because = isUnknown ? ', of which it has not told enough' : '';
    return [`"${campaign.name}" is for devices with ${predicate}${because}`];
  });
  return reasons.length === 0 ? '' : `: ${reasons.join('; ')}`;
}

/** What is to be said of a device that may be kept in the past, or that has not heard what it should. */
export function inPast(
  { inventory, statement }: DeviceView,
  newest: Pick<Newest, 'sequenceNumber' | 'expiresMs'> | undefined,
  nowMs: number,
): string {
  const { frozenSinceMs, newestSequenceNumber = 0 } = inventory ?? {};
  if (statement?.terms?.holdsToOperators !== true) return '';
  if (frozenSinceMs !== undefined) {
    const since = `since ${shownTime(frozenSinceMs)}`;
    return ` It says that it may be kept in the past: ${since} nobody has told it the newest release.`;
  }
  if (newest === undefined) return '';
  if (nowMs >= newest.expiresMs) {
    return ` No operator has told since ${shownTime(newest.expiresMs)} which release is the newest.`;
  }
  if (inventory === undefined || newestSequenceNumber >= newest.sequenceNumber) return '';
  return ` It has not told that it knows of sequence number ${newest.sequenceNumber}, the newest release.`;
}

/** What the device itself has signed: its last check-in, and the last message that is kept of it. */
export function signedBy({ id, inventory, answer }: DeviceView, last: Evidence | undefined): string {
  if (inventory === undefined) return `${id} has signed nothing yet but its registration.`;
  const at = new Date(inventory.atMs).toISOString();
  const told = `${id} signed at ${at} that it runs ${runningVersion(inventory)} and is ${inventory.state}`;
  if (answer?.answer.decision === 'refused') {
    const { because = '' } = answer.answer;
    return `${told}; at ${shownTime(answer.atMs)} it refused what it was offered: ${because}.`;
  }
  if (last?.kind !== 'report') return `${told}.`;
  const replayed = last.replay === undefined ? '' : `, ${last.replay.end} when replayed`;
  return `${told}; at ${new Date(last.atMs).toISOString()} it reported ${last.outcome}${replayed}.`;
}

function inCampaign(device: DeviceView, member: Member, view: CampaignView, nowMs: number): string {
  const { name } = view.campaign;
  const because = member.because ?? 'no reason was given';
  const seen = ago(nowMs - (device.lastSeenMs ?? 0));
  switch (member.status) {
    case 'waiting':
      return waiting(device, member, view, nowMs);
    case 'offered':
      if (view.state !== 'running') return `is not served its offer of "${name}", because ${stopped(view)}`;
      return `was offered ${shortDigest(view)} by "${name}" and was last seen ${seen} ago`;
    case 'fetching':
      return `is fetching what "${name}" offers it, and was last seen ${seen} ago`;
    case 'installing':
      return `is installing what "${name}" offers it, and was last seen ${seen} ago`;
    case 'awaiting-confirmation':
      return `has the firmware of "${name}" on trial, and was last seen ${seen} ago`;
    case 'confirmed':
      return `runs what "${name}" wants: ${runningVersion(device.inventory)} (confirmed)`;
    case 'failed':
      return `failed to install what "${name}" offers: ${because}`;
    case 'reverted':
      return `went back to its old firmware: ${because}; it may be offered "${name}" again`;
    case 'given-up':
      return `took an offer of "${name}" and was then silent for too long; it was last seen ${seen} ago`;
    case 'unfit':
      return `can't have what "${name}" offers: ${because}`;
    case 'superseded':
      return `is no longer addressed by "${name}": ${because}`;
  }
}

const shortDigest = ({ target }: CampaignView): string => `${hex(target.digest).slice(0, 8)}…`;

function waiting(device: DeviceView, member: Member, view: CampaignView, nowMs: number): string {
  const { name, silenceMsMax, expires, approvals = 0 } = view.campaign;
  if (view.state === 'proposed') {
    const missing = approvals - view.progress.approvals.length;
    return `gets no offer of "${name}", because the campaign waits for ${missing} more approvals`;
  }
  if (view.state !== 'running' && view.state !== 'completed') {
    return `gets no offer of "${name}", because ${stopped(view)}`;
  }
  if (nowMs >= expires) return `gets no offer of "${name}", because the campaign has expired`;
  const silentMs = nowMs - (device.lastSeenMs ?? 0);
  if (silentMs > silenceMsMax)
    return `gets no offer of "${name}", because it was last seen ${ago(silentMs)} ago`;
  if (member.notBeforeMs !== undefined && member.notBeforeMs > nowMs) {
    const opens = new Date(member.notBeforeMs).toISOString();
    if (member.because !== undefined) return `is offered "${name}" again at ${opens}: ${member.because}`;
    return `waits for its maintenance window, which opens for "${name}" at ${opens}`;
  }
  if (member.because !== undefined) return `waits for another offer of "${name}": ${member.because}`;
  return `waits for its turn in "${name}": devices before it have not finished yet`;
}

function stopped({ state, because }: CampaignView): string {
  return because === undefined ? `the campaign is ${state}` : `the campaign is ${state}: ${because}`;
}

/** Whole units, the largest that fits; what lies ahead, by a clock that has gone back, was just now. */
function ago(difference: number): string {
  const ms = Math.max(0, difference);
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  const unit = units.find(([, size]) => ms >= size) ?? (['ms', 1] as const);
  return `${Math.floor(ms / unit[1])} ${unit[0]}`;
}
