/** What the planner asks and what its steps do, in memory. */
import { hex } from '@lapel/cbor';
import type { CampaignView } from './campaign.ts';
import { isNewer } from './campaign.ts';
import { afterMove, moved } from './member-moves.ts';
import { draw } from '../policy/draw.ts';
import type { Change, Due, Member } from './fleet.ts';
import { changeOf, isLive } from './fleet.ts';
import type { State } from './memory-state.ts';
import { membershipsOf, put } from './memory-state.ts';
import type { Applied, FleetStore, LiveOffer, Move } from './store.ts';
import { liveOfferOf, plannerActor, stepped } from './store.ts';

export function planMethods(state: State) {
  return {
    async due(id, nowMs, limit) {
      const campaign = state.campaigns.get(id);
      const all = [...(state.members.get(id)?.values() ?? [])]
        .map((member) => dueOf(state, member))
        .toSorted((a, b) => (a?.place ?? 0) - (b?.place ?? 0));
      if (campaign === undefined) return [];
      const seenSince = nowMs - campaign.campaign.silenceMsMax;
      const quiet = ({ lastSeenMs, offeredMs = 0 }: Due) => Math.max(lastSeenMs, offeredMs) < seenSince;
      const silent = all.filter((each) => each !== undefined && isLive(each.status) && quiet(each));
      const ready = all.filter(
        (each) =>
          each !== undefined &&
          !isLive(each.status) &&
          each.lastSeenMs >= seenSince &&
          (state.members.get(id)?.get(each.device)?.notBeforeMs ?? 0) <= nowMs &&
          !isHeld(state, campaign, each.device),
      );
      const byTurn = [
        ...ready.filter((each) => each?.status === 'waiting'),
        ...ready.filter((each) => each?.status === 'reverted'),
      ];
      return [...silent.slice(0, limit), ...byTurn.slice(0, limit)].filter((each) => each !== undefined);
    },
    applySteps: async (id, generation, moves, atMs) => applySteps(state, id, generation, moves, atMs),
    async liveOffers({ campaign, device } = {}) {
      const found = campaign === undefined ? state.members.keys() : [campaign];
      return [...found]
        .filter((id) => state.campaigns.get(id)?.state === 'running')
        .map((id) => state.members.get(id) ?? new Map<string, Member>())
        .flatMap((members) => (device === undefined ? [...members.values()] : (members.get(device) ?? [])))
        .filter(({ device: id }) => state.devices.get(id)?.approval === 'approved')
        .flatMap((member) => liveOfferOf(member) ?? []);
    },
  } satisfies Partial<FleetStore>;
}

function dueOf({ devices }: State, member: Member): Due | undefined {
  const { device, status, offer } = member;
  const lastSeenMs = devices.get(device)?.lastSeenMs;
  const canBe = isLive(status) || status === 'waiting' || status === 'reverted';
  if (!isLive(status) && devices.get(device)?.approval !== 'approved') return undefined;
  // A device that never checked in has not said what fits on it.
  if (!canBe || lastSeenMs === undefined || devices.get(device)?.inventory === undefined) return undefined;
  const place = draw(member.campaign, device);
  const { timeZone } = devices.get(device)?.statement?.terms ?? {};
  return {
    device,
    status,
    lastSeenMs,
    place,
    ...(timeZone === undefined || isLive(status) ? {} : { timeZone }),
    ...(offer === undefined ? {} : { offeredMs: offer.offeredMs }),
  };
}

/** Whether a newer campaign has something for the device: the newest desired state wins. */
const isHeld = (state: State, campaign: CampaignView, device: string): boolean =>
  membershipsOf(state, device).some(
    ({ campaign: other, member: { status } }) =>
      (other.state === 'running' || other.state === 'paused') &&
      isNewer(other, campaign) &&
      (isLive(status) || status === 'waiting' || status === 'reverted'),
  );

function applySteps(
  state: State,
  id: string,
  generation: number,
  moves: readonly Move[],
  atMs: number,
): Applied {
  const before = state.campaigns.get(id);
  if (before === undefined || before.generation !== generation) return undefined;
  const changes: Change[] = [];
  const offers: LiveOffer[] = [];
  for (const move of moves) {
    if (!('device' in move)) continue;
    const member = state.members.get(id)?.get(move.device);
    if (member === undefined) continue;
    const after = afterMove(member, move, atMs);
    if (after === undefined || after === member) continue;
    if (move.do === 'wait') {
      put(state, after);
      continue;
    }
    if (move.do === 'offer') changes.push(...supersede(state, member, atMs));
    put(state, after);
    changes.push(changeOf(member, after));
    const offer = liveOfferOf(after);
    if (offer === undefined) continue;
    offers.push(offer);
    state.offers.set(hex(offer.nonce), offer);
  }
  const after = stepped(before, moves, atMs);
  state.campaigns.set(id, after);
  if (after.state !== before.state) {
    const detail = after.because === undefined ? {} : { detail: after.because };
    state.audit.push({ actor: plannerActor, atMs, act: `campaign ${after.state}`, subject: id, ...detail });
  }
  return { changes, offers, state: after.state };
}

/** One live offer per device: those of other campaigns end here. */
function supersede(state: State, { campaign, device }: Member, atMs: number): Change[] {
  return membershipsOf(state, device)
    .filter(({ member }) => member.campaign !== campaign && isLive(member.status))
    .map(({ member }) => {
      const after = moved(member, 'superseded', atMs, `campaign ${campaign} made a newer offer`);
      put(state, after);
      return changeOf(member, after);
    });
}
