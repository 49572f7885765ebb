/**
 * How a device's signed word (a check-in, a report) moves its place in a campaign. It is what decides; the
 * planner's steps only open and close offers (`member-moves.ts`). Truth wins over order: a device that was
 * given up and confirms is confirmed.
 */
import { compareBytes } from '@lapel/cbor';
import type { ReportReason } from '@lapel/suit';
import type { DeviceState } from '../protocol.ts';
import type { Belonging } from './attributes.ts';
import type {
  Change,
  DeviceView,
  Inventory,
  LiveStatus,
  Member,
  Session,
  Standing,
  Target,
} from './fleet.ts';
import { changeOf, isLive, offersMax, otherDevices, standing, toldByState } from './fleet.ts';
import { afterSuccess, besideReports } from './runs-by-report.ts';
import { moved } from './member-moves.ts';
import type { CheckInRecord, InSession, ReportRecord } from './records.ts';
import type { AuditEntry } from './store.ts';

/** A device's place in one campaign, with what that campaign wants. */
export interface Place {
  readonly member: Member;
  readonly target: Target;
}

export interface Membership extends Place {
  /** Why the device refused this manifest before. */
  readonly rejected: string | undefined;
  /** Whether the campaign is for the device, by what it says now. */
  readonly belongs: (device: DeviceView) => Belonging;
}

/** What a store has to write: the device, and the members that moved. */
export interface Decision {
  readonly device: DeviceView;
  readonly members: readonly Member[];
  readonly changes: readonly Change[];
  /** What operators must be able to look up later. */
  readonly audit?: AuditEntry;
}

/** What a check-in makes of a device and its memberships. */
export function decideCheckIn(
  before: InSession,
  memberships: readonly Membership[],
  record: CheckInRecord,
): Decision {
  const { counter } = record;
  const inventory = besideReports(before.inventory, record.inventory, before.session);
  const session = { ...before.session, counter };
  const changed = { ...before, inventory };
  const moves = memberships.map(({ member, target, rejected, belongs }) => {
    const isMeant = belongs(changed) !== 'not-meant';
    return { member, after: afterCheckIn(member, inventory, { target, rejected, session, isMeant }) };
  });
  const { suspicion: detail, atMs } = inventory;
  const decided = decision({ ...before, session, inventory }, moves, atMs);
  // Told once, not with every check-in.
  if (detail === undefined || detail === before.inventory?.suspicion) return decided;
  const { id } = before;
  return {
    ...decided,
    audit: { actor: id, atMs, act: 'image contradicts manifest', subject: id, detail, isApart: true },
  };
}

/**
 * What a report makes of the device and of the member that it is about. One on an offer before the member's
 * last comes late: of such, only success still counts, because it is true whatever was offered since. It says
 * what runs, as a check-in does, which may be lost: older offers to the device end with it.
 */
export function decideReport(
  before: DeviceView,
  { member, target }: Place,
  others: readonly Place[],
  record: ReportRecord,
): Decision {
  const { nonce, reason, atMs, replay } = record;
  if (replay.end === 'contradicted') return contradicted(before, replay.because, atMs);
  const isLate = member.offer === undefined || compareBytes(member.offer.nonce, nonce) !== 0;
  const told = { reason, atMs, state: before.inventory?.state };
  const after = isLate && reason !== 'ok' ? member : afterReport(member, told);
  const inventory =
    reason === 'ok'
      ? afterSuccess(before.inventory, target, { atMs, session: before.session })
      : before.inventory;
  if (reason !== 'ok' || inventory === undefined) return decision(before, [{ member, after }], atMs);
  const ended = { isUnderWay: false, atMs };
  const overtaken = others.map((other) => {
    const stands = standing(inventory, other.target, undefined);
    return { member: other.member, after: endedByWhatRuns(other.member, stands, ended) ?? other.member };
  });
  return decision({ ...before, inventory }, [{ member, after }, ...overtaken], atMs);
}

/** A device that tells what can't have happened moves nowhere by it; an operator should know. */
function contradicted(before: DeviceView, detail: string, atMs: number): Decision {
  const { id } = before;
  const audit = {
    actor: id,
    atMs,
    act: 'report contradicts manifest',
    subject: id,
    detail,
    isApart: true,
  } as const;
  return { ...decision({ ...before, lastError: `${audit.act}: ${detail}` }, [], atMs), audit };
}

function decision(
  before: DeviceView,
  moves: readonly { readonly member: Member; readonly after: Member }[],
  atMs: number,
): Decision {
  const moving = moves.filter(({ member, after }) => member !== after);
  const members = moving.map(({ after }) => after);
  const { lastError: known, ...rest } = before;
  const lastError = members.reduce(errorAfter, known);
  const lastSeenMs = Math.max(atMs, before.lastSeenMs ?? 0);
  return {
    device: { ...rest, lastSeenMs, ...(lastError === undefined ? {} : { lastError }) },
    members,
    changes: moving.map(({ member, after }) => changeOf(member, after)),
  };
}

function errorAfter(known: string | undefined, { status, because }: Member): string | undefined {
  if (status === 'confirmed') return undefined;
  return status === 'failed' || status === 'reverted' ? because : known;
}

/** What a check-in makes of a member: the same member where it changes nothing. */
function afterCheckIn(
  member: Member,
  inventory: Inventory,
  {
    target,
    rejected,
    session,
    isMeant,
  }: {
    target: Target;
    rejected: string | undefined;
    session: Session;
    isMeant: boolean;
  },
): Member {
  const { status } = member;
  const { atMs } = inventory;
  const stands = standing(inventory, target, rejected);
  const isUnderWay = inventory.pending !== undefined && compareBytes(inventory.pending, target.digest) === 0;
  const ended = endedByWhatRuns(member, stands, { isUnderWay, atMs });
  if (ended !== undefined) return ended;
  if (isLive(status)) return afterLiveCheckIn(member, status, inventory, target, session);
  if (!isMeant) return moved(member, 'superseded', atMs, otherDevices);
  if (status === 'reverted') return member;
  // A device that was given up and is back gets another chance, as long as there is one.
  if (stands.status === 'waiting' && member.generation >= offersMax) return member;
  return moved(member, stands.status, atMs, stands.because);
}

/** The member where what runs has decided on it: it is what was wanted, or newer; undefined elsewhere. */
function endedByWhatRuns(
  member: Member,
  stands: Standing,
  { isUnderWay, atMs }: { readonly isUnderWay: boolean; readonly atMs: number },
): Member | undefined {
  const { status } = member;
  if (status === 'confirmed') return member;
  if (stands.status === 'confirmed') return moved(member, 'confirmed', atMs, stands.because);
  if (status === 'failed') return member;
  // Something newer has overtaken what it was offered, or began with and gave up: that is no offer any more.
  const isOpen =
    status !== 'awaiting-confirmation' && (!isUnderWay || status === 'offered' || !isLive(status));
  if (!isOpen || stands.status !== 'superseded') return undefined;
  return moved(member, 'superseded', atMs, stands.because);
}

function afterLiveCheckIn(
  member: Member,
  status: LiveStatus,
  inventory: Inventory,
  target: Target,
  session: Session,
): Member {
  const { state, pending, atMs } = inventory;
  const isOurs = pending !== undefined && compareBytes(pending, target.digest) === 0;
  if (state === 'reverted') {
    // A device may repeat after every start that it once went back. That tells of this offer only where it
    // has begun with it, or has started again since.
    const begun = status !== 'offered' || session.startedMs > (member.offer?.offeredMs ?? Infinity);
    const tells = begun && (isOurs || (pending === undefined && status !== 'offered'));
    return tells
      ? reverted(member, atMs, inventory.bootReason ?? 'the trial ended without confirmation')
      : member;
  }
  if (!isOurs || state === 'idle') return member;
  if (state === 'failed') return moved(member, 'failed', atMs, toldByState);
  return moved(member, state, atMs, undefined);
}

interface Told {
  readonly reason: ReportReason;
  readonly atMs: number;
  /** As the device last checked in. */
  readonly state: DeviceState | undefined;
}

function afterReport(member: Member, { reason, atMs, state }: Told): Member {
  const { status } = member;
  if (status === 'confirmed') return member;
  if (reason === 'ok') return moved(member, 'confirmed', atMs, undefined);
  if (reason === 'invoke-pending') {
    return isLive(status) || status === 'given-up'
      ? moved(member, 'awaiting-confirmation', atMs, undefined)
      : member;
  }
  if (status === 'reverted') return member;
  // What fails to operate after it was installed and verified is a trial that ended, not a bad manifest.
  const wasOnTrial = status === 'awaiting-confirmation' || state === 'reverted';
  if (wasOnTrial && reason === 'operation-failed') return reverted(member, atMs, reason);
  return moved(member, 'failed', atMs, reason);
}

/** A trial that expired may be tried again, until the offers are used up; then the device has failed. */
function reverted(member: Member, atMs: number, because: string): Member {
  if (member.generation < offersMax) return moved(member, 'reverted', atMs, because);
  return moved(member, 'failed', atMs, `reverted ${member.generation} times: ${because}`);
}
