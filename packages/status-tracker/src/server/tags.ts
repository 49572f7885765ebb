/**
 * What operators call devices by: a site, a customer, a ring of testers. The tracker alone knows tags; a
 * device that holds offers to their campaigns can't see its own (`client/check-campaign.ts`).
 */
import { Problem } from '@lapel/transport';
import type { Belonging } from './attributes.ts';
import { moved } from './member-moves.ts';
import type { Membership } from './evidence.ts';
import type { DeviceView, Member, Standing, TagChange, Tags } from './fleet.ts';
import { isLive, otherDevices, standing } from './fleet.ts';

/** Of one device. */
export const tagsMax = 32;
export const tagNameForm = '^[a-z0-9_-]{1,32}$';
export const tagValueMax = 64;

/** @throws {Problem} where they would be too many. */
export function tagged(before: Tags = {}, { set, remove }: TagChange): Tags {
  const kept = Object.entries(before).filter(([name]) => !remove.includes(name));
  const after = Object.fromEntries(
    [...kept, ...Object.entries(set)].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const count = Object.keys(after).length;
  if (count <= tagsMax) return after;
  throw new Problem('unprocessable', `expected at most ${tagsMax} tags of a device, found ${count}`);
}

/** As the audit has it: `site=berlin -ring`. */
export const tagChangeText = ({ set, remove }: TagChange): string =>
  [
    ...Object.entries(set).map(([name, value]) => `${name}=${value}`),
    ...remove.map((name) => `-${name}`),
  ].join(' ');

/** The places of a device that other tags move: those that wait go or come back; what is under way, stays. */
export const movedByTags = (
  device: DeviceView,
  memberships: readonly Membership[],
  atMs: number,
): readonly Member[] =>
  memberships.flatMap(({ member, target, rejected, belongs }) => {
    const stands = standing(device.inventory, target, rejected);
    const after = afterTagging(member, belongs(device), stands, atMs);
    return after === member ? [] : [after];
  });

function afterTagging(member: Member, belongs: Belonging, stands: Standing, atMs: number): Member {
  const { status, because } = member;
  if (isLive(status) || status === 'confirmed' || status === 'failed') return member;
  const isOut = status === 'superseded';
  if (belongs === 'not-meant') return isOut ? member : moved(member, 'superseded', atMs, otherDevices);
  return isOut && because === otherDevices ? moved(member, stands.status, atMs, stands.because) : member;
}
