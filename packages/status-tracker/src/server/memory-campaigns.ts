/** Campaigns and their members, in memory. */
import { compareBytes, hex } from '@lapel/cbor';
import { approved } from './approve.ts';
import { belonging } from './attributes.ts';
import type { CampaignView } from './campaign.ts';
import { isNewer, isOpen, noCampaign, ordered } from './campaign.ts';
import { afterRetry } from './member-moves.ts';
import type { DeviceView } from './fleet.ts';
import { standing } from './fleet.ts';
import type { State } from './memory-state.ts';
import { byCodeUnits, put, rejection, totalsIn } from './memory-state.ts';
import type { FleetStore, Page } from './store.ts';

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
      if (order.order === 'retry') retry(state, id, by.atMs);
      state.audit.push({
        ...by,
        act: `campaign ${after.state}`,
        subject: id,
        detail: `order ${order.number}`,
      });
      return after;
    },
    async approveCampaign(id, voice, by) {
      const before = campaigns.get(id);
      if (before === undefined) throw noCampaign(id);
      const after = approved(before, voice);
      if (after !== before) {
        campaigns.set(id, after);
        state.audit.push({ ...by, act: 'campaign approved', subject: id, detail: voice.person });
      }
      return after;
    },
    campaign: async (id) => campaigns.get(id),
    campaigns: async (limit) => newestFirst().slice(0, limit),
    openCampaigns: async (nowMs) => newestFirst().filter((view) => isOpen(view, nowMs)),
    join: async (id, page, atMs) => join(state, id, page, atMs),
    joinOpen: async (device, atMs) => joinOpen(state, device, atMs),
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

function retry(state: State, id: string, atMs: number): void {
  const target = state.campaigns.get(id)?.target;
  if (target === undefined) return;
  for (const member of state.members.get(id)?.values() ?? []) {
    const stands = standing(state.devices.get(member.device)?.inventory, target, undefined);
    put(state, afterRetry(member, stands, atMs));
  }
}

/** In the order of ids; of those that it looked at, the last, where there may be more. */
function join(state: State, id: string, { after = '', limit }: Page, atMs: number): string | undefined {
  const campaign = state.campaigns.get(id);
  if (campaign === undefined) return undefined;
  const { vendor, class: product } = campaign.campaign;
  const page = [...state.devices.values()]
    .filter((device) => device.id > after && device.approval === 'approved')
    .filter((each) => compareBytes(each.vendor, vendor) === 0 && compareBytes(each.class, product) === 0)
    .toSorted((a, b) => byCodeUnits(a.id, b.id))
    .slice(0, limit);
  for (const device of page) admit(state, campaign, device, atMs);
  return page.length < limit ? undefined : page.at(-1)?.id;
}

/** A device becomes a member of a campaign that is for it, and stays one. */
export function admit(state: State, view: CampaignView, device: DeviceView, atMs: number): void {
  const members = state.members.get(view.id);
  if (members === undefined || members.has(device.id)) return;
  if (belonging(view.campaign, device) !== 'meant') return;
  const stands = standing(device.inventory, view.target, rejection(state, device.id, view));
  members.set(device.id, { campaign: view.id, device: device.id, generation: 0, changedMs: atMs, ...stands });
}

export function joinOpen(state: State, id: string, atMs: number): void {
  const device = state.devices.get(id);
  if (device === undefined) return;
  for (const view of state.campaigns.values()) if (isOpen(view, atMs)) admit(state, view, device, atMs);
}
