/** Campaigns and their members, in memory. */
import { compareBytes, hex } from '@lapel/cbor';
import { isNewer, isOpen, noCampaign, ordered } from './campaign.ts';
import { draw, standing } from './fleet.ts';
import type { State } from './memory-state.ts';
import { byCodeUnits, rejection, totalsIn } from './memory-state.ts';
import type { FleetStore } from './store.ts';

export function campaignMethods(state: State) {
  const { campaigns } = state;
  const newestFirst = () => [...campaigns.values()].toSorted((a, b) => (isNewer(a, b) ? -1 : 1));
  return {
    async addCampaign(campaign) {
      if (campaigns.has(campaign.id)) return false;
      campaigns.set(campaign.id, campaign);
      state.members.set(campaign.id, new Map());
      const { actor, acceptedMs: atMs, id: subject } = campaign;
      state.audit.push({ actor, atMs, act: 'campaign started', subject, detail: campaign.campaign.name });
      return true;
    },
    async applyOrder({ order }, by) {
      const id = hex(order.campaign);
      const before = campaigns.get(id);
      if (before === undefined) throw noCampaign(id);
      const after = ordered(before, order, totalsIn(state, id));
      campaigns.set(id, after);
      state.audit.push({
        ...by,
        act: `campaign ${after.state}`,
        subject: id,
        detail: `order ${order.number}`,
      });
      return after;
    },
    campaign: async (id) => campaigns.get(id),
    campaigns: async (limit) => newestFirst().slice(0, limit),
    openCampaigns: async (nowMs) => newestFirst().filter((view) => isOpen(view, nowMs)),
    join: async (id, atMs) => join(state, id, atMs),
    totals: async (id) => totalsIn(state, id),
    member: async (campaign, device) => state.members.get(campaign)?.get(device),
    async members(campaign, status, { after = '', limit }) {
      return [...(state.members.get(campaign)?.values() ?? [])]
        .filter((member) => member.device > after && (status === undefined || member.status === status))
        .toSorted((a, b) => byCodeUnits(a.device, b.device))
        .slice(0, limit);
    },
  } satisfies Partial<FleetStore>;
}

function join(state: State, id: string, atMs: number): number {
  const campaign = state.campaigns.get(id);
  const members = state.members.get(id);
  if (campaign === undefined || members === undefined) return 0;
  const { vendor, class: product } = campaign.campaign;
  const joining = [...state.devices.values()]
    .filter((device) => device.approval === 'approved' && !members.has(device.id))
    .filter((each) => compareBytes(each.vendor, vendor) === 0 && compareBytes(each.class, product) === 0)
    .map((device) => ({ device, place: draw(id, device.id) }))
    .toSorted((a, b) => a.place - b.place || byCodeUnits(a.device.id, b.device.id));
  for (const { device } of joining) {
    const stands = standing(device.inventory, campaign.target, rejection(state, device.id, campaign));
    members.set(device.id, { campaign: id, device: device.id, generation: 0, changedMs: atMs, ...stands });
  }
  return joining.length;
}
