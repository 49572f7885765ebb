/** What the planner's steps and operators' orders make of a device's place in a campaign. */
import { compareBytes } from '@lapel/cbor';
import type { Member, MemberStatus, Standing } from './fleet.ts';
import { isLive, offersMax, passingFailures } from './fleet.ts';
import type { Move } from './store.ts';

/** The same member where status and reason stay. */
export function moved(
  member: Member,
  status: MemberStatus,
  atMs: number,
  because: string | undefined,
): Member {
  if (status === member.status && because === member.because) return member;
  const { because: _, ...rest } = member;
  return { ...rest, status, changedMs: atMs, ...(because === undefined ? {} : { because }) };
}

/** What an offer makes of a member; undefined where it can't have one now. */
function afterOffer(
  member: Member,
  offer: { readonly nonce: Uint8Array; readonly expiresMs: number },
  atMs: number,
): Member | undefined {
  const { status, generation, campaign, device } = member;
  if ((status !== 'waiting' && status !== 'reverted') || generation >= offersMax) return undefined;
  return {
    campaign,
    device,
    status: 'offered',
    generation: generation + 1,
    changedMs: atMs,
    offer: { nonce: offer.nonce, expiresMs: offer.expiresMs, offeredMs: atMs },
  };
}

/** What one of the planner's steps makes of a member. */
export function afterMove(
  member: Member,
  move: Extract<Move, { device: string }>,
  atMs: number,
): Member | undefined {
  if (move.do === 'offer') return afterOffer(member, move, atMs);
  if (move.do === 'decline' || move.do === 'refuse') return afterNo(member, move, atMs);
  return move.do === 'wait' ? afterWait(member, move.untilMs) : afterGiveUp(member, move.because, atMs);
}

/** Of the places of a retired device, those that end with it; how others have ended, stays true. */
export const placesAfterRetiring = (places: readonly Member[], atMs: number): readonly Member[] =>
  places
    .filter(({ status }) => !hasEnded.includes(status))
    .map((member) => moved(member, 'superseded', atMs, 'its device was retired'));

const hasEnded: readonly MemberStatus[] = ['confirmed', 'failed', 'superseded'];

/** Nothing was offered, so nothing is lost: its window is not open. */
const afterWait = (member: Member, notBeforeMs: number): Member =>
  member.status === 'waiting' || member.status === 'reverted' ? { ...member, notBeforeMs } : member;

/** Its device will not have the offer: for now, or at all. Who has it on trial already has taken it. */
function afterNo(member: Member, move: Extract<Move, { do: 'decline' | 'refuse' }>, atMs: number): Member {
  const { status, offer, generation } = member;
  const isOpen = isLive(status) && status !== 'awaiting-confirmation';
  if (!isOpen || offer === undefined || compareBytes(offer.nonce, move.nonce) !== 0) return member;
  if (move.do === 'refuse') {
    return moved(member, 'unfit', atMs, `the device refuses the offer: ${move.because}`);
  }
  const waiting = moved(member, 'waiting', atMs, 'the device has declined it until then');
  return { ...waiting, generation: generation - 1, notBeforeMs: move.untilMs };
}

/**
 * An operator wants another try: of what fell silent, went back, or could not be fetched or written; not
 * where the device runs something newer by now.
 */
export function afterRetry(member: Member, stands: Standing, atMs: number): Member {
  const { status, because = '' } = member;
  const mayTry = status === 'given-up' || status === 'reverted' || status === 'failed';
  if (!mayTry || (status === 'failed' && !isPassing(because))) return member;
  if (stands.status !== 'waiting') return moved(member, stands.status, atMs, stands.because);
  return { ...moved(member, 'waiting', atMs, 'an operator wants another try'), generation: 0 };
}

/** One that went back too often has not refused the manifest. */
const isPassing = (because: string) =>
  passingFailures.includes(because) || /^reverted \d+ times: /.test(because);

/** An offer that was never taken is withdrawn, and costs the device none of its chances. */
function afterGiveUp(member: Member, because: 'silent' | 'not-taken', atMs: number): Member {
  if (!isLive(member.status)) return member;
  if (because === 'silent') return moved(member, 'given-up', atMs, 'silent');
  const waiting = moved(member, 'waiting', atMs, 'the last offer was not taken');
  return { ...waiting, generation: member.generation - 1 };
}
