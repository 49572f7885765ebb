/** What the store in memory holds, and how its parts find each other. */
import { compareBytes } from '@lapel/cbor';
import { belonging } from './attributes.ts';
import type { CampaignView } from './campaign.ts';
import { isNewer } from './campaign.ts';
import type { Membership } from './evidence.ts';
import type { DeviceView, Member, MemberStatus, Totals } from './fleet.ts';
import { passingFailures, totalsOf } from './fleet.ts';
import type { AuditTrail } from './audit.ts';
import type { AccessGrant, Evidence, LiveOffer } from './store.ts';

export interface State {
  readonly devices: Map<string, DeviceView>;
  readonly idByKid: Map<string, string>;
  readonly campaigns: Map<string, CampaignView>;
  /** By campaign, then by device, in the order of the campaign's draw. */
  readonly members: Map<string, Map<string, Member>>;
  /** Every offer that was ever made, by its nonce. */
  readonly offers: Map<string, LiveOffer>;
  readonly evidence: Map<string, Evidence>;
  readonly grants: Map<string, AccessGrant>;
  readonly audit: AuditTrail;
}

export const put = ({ members }: State, member: Member) =>
  members.get(member.campaign)?.set(member.device, member);

export function viewOf(state: State, id: string | undefined): DeviceView | undefined {
  const device = id === undefined ? undefined : state.devices.get(id);
  if (device === undefined) return undefined;
  const memberships = membershipsOf(state, device.id).toSorted((a, b) =>
    isNewer(a.campaign, b.campaign) ? -1 : 1,
  );
  const current = memberships.find(({ member }) => member.status !== 'superseded') ?? memberships[0];
  return { ...device, ...(current === undefined ? {} : { member: current.member }) };
}

export function membershipsOf(state: State, device: string): { campaign: CampaignView; member: Member }[] {
  return [...state.campaigns.values()].flatMap((campaign) => {
    const member = state.members.get(campaign.id)?.get(device);
    return member === undefined ? [] : [{ campaign, member }];
  });
}

export const membershipOf = (state: State, campaign: CampaignView, member: Member): Membership => ({
  member,
  target: campaign.target,
  rejected: rejection(state, member.device, campaign),
  belongs: (device) => belonging(campaign.campaign, device),
});

/** A manifest that a device refused is not offered to it again, by whatever campaign. */
export const rejection = (state: State, device: string, { target }: CampaignView): string | undefined =>
  membershipsOf(state, device).find(
    ({ campaign, member }) =>
      member.status === 'failed' &&
      !passingFailures.includes(member.because ?? '') &&
      compareBytes(campaign.target.digest, target.digest) === 0,
  )?.member.because;

export function totalsIn(state: State, id: string): Totals {
  const counts = new Map<MemberStatus, number>();
  for (const { status } of state.members.get(id)?.values() ?? []) {
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return totalsOf((status) => counts.get(status) ?? 0);
}

/** The order of ids in every store, whatever the locale. */
export const byCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
