/**
 * Who goes next: a pure function of a campaign, its totals, the devices that are due, and the time. It
 * decides and changes nothing; `carry-out.ts` acts. So an operator can see the next steps before they are
 * taken, and a rollout can be replayed from its inputs.
 */
import { drawEnd } from '../policy/draw.ts';
import type { Verdict } from '../policy/gate.ts';
import { weigh } from '../policy/gate.ts';
import { openingFor } from '../policy/window.ts';
import type { CampaignView, Progress } from './campaign.ts';
import { allowanceOf } from './campaign.ts';
import type { Due, Totals } from './fleet.ts';
import { addressed, failedOf, finishedOf, isLive } from './fleet.ts';

export type Step =
  | { readonly do: 'offer'; readonly device: string }
  /** `not-taken`: it never fetched the offer, so it is no failure; it waits until it is seen again. */
  | { readonly do: 'give-up'; readonly device: string; readonly because: 'silent' | 'not-taken' }
  /** Its maintenance window opens then. */
  | { readonly do: 'wait'; readonly device: string; readonly untilMs: number }
  /** The next wave, with what had finished and failed before it. */
  | { readonly do: 'open'; readonly wave: number; readonly finished: number; readonly failed: number }
  | { readonly do: 'halt'; readonly because: string }
  | { readonly do: 'complete' };

export function plan(view: CampaignView, totals: Totals, due: readonly Due[], nowMs: number): Step[] {
  const silent = giveUps(view, due, nowMs);
  const after = without(totals, silent);
  if (view.state !== 'running' && view.state !== 'completed') return silent;

  if (nowMs >= view.campaign.expires) {
    if (view.state === 'completed' || after.inFlight > 0) return silent;
    const because = `it expired with ${after.confirmed} of ${addressed(after)} devices confirmed`;
    return [...silent, { do: 'halt', because }];
  }
  const because = reasonToHalt(view, after);
  if (because !== undefined) return [...silent, { do: 'halt', because }];
  const next = nextOffers(view, after, due, nowMs);
  if (next.length > 0 || silent.length > 0) return [...silent, ...next];
  const isOver = after.waiting + after.inFlight + after.reverted === 0 && addressed(after) > 0;
  return isOver && view.state === 'running' ? [{ do: 'complete' }] : [];
}

/** An offer is a lease: a device that is silent for too long does not hold its place in flight. */
function giveUps({ campaign }: CampaignView, due: readonly Due[], nowMs: number) {
  return due
    .filter(({ status, lastSeenMs, offeredMs = nowMs }) => {
      return isLive(status) && nowMs - Math.max(lastSeenMs, offeredMs) > campaign.silenceMsMax;
    })
    .map(({ device, status, lastSeenMs, offeredMs = nowMs }): Step & { do: 'give-up' } => {
      const taken = status !== 'offered' || lastSeenMs > offeredMs;
      return { do: 'give-up', device, because: taken ? 'silent' : 'not-taken' };
    });
}

function without(totals: Totals, silent: readonly (Step & { do: 'give-up' })[]): Totals {
  const taken = silent.filter(({ because }) => because === 'silent').length;
  return {
    ...totals,
    inFlight: totals.inFlight - silent.length,
    givenUp: totals.givenUp + taken,
    waiting: totals.waiting + silent.length - taken,
  };
}

/** By the sequential test of the wave that is open, or else by the rate of failures in all of them. */
function reasonToHalt(view: CampaignView, totals: Totals): string | undefined {
  const { forgiven, progress, campaign } = view;
  const verdict = verdictOn(view, totals);
  if (verdict !== undefined) {
    if (!verdict.halt) return undefined;
    const [failed, finished] = since(progress, totals);
    const rates = `${(campaign.gate?.bad ?? 0) / 10} %, not of ${campaign.failureRateMax / 10} %`;
    return `${failed} of ${finished} devices of wave ${progress.wave + 1} failed: a rate of ${rates}`;
  }
  const failed = failedOf(totals) - forgiven.failed;
  const finished = finishedOf(totals) - forgiven.finished;
  if (failed * 1000 <= campaign.failureRateMax * finished) return undefined;
  return `${failed} of ${finished} finished devices failed`;
}

const since = ({ failed, finished }: Pick<Progress, 'failed' | 'finished'>, totals: Totals) =>
  [Math.max(0, failedOf(totals) - failed), Math.max(0, finishedOf(totals) - finished)] as const;

function verdictOn({ campaign, progress }: CampaignView, totals: Totals): Verdict | undefined {
  const { gate, failureRateMax: tolerated, waves } = campaign;
  if (gate === undefined) return undefined;
  const [failed, finished] = since(progress, totals);
  const trials = { failed, confirmed: Math.max(0, finished - failed), inFlight: totals.inFlight };
  return weigh({ ...gate, tolerated }, trials, waves.length);
}

function nextOffers(view: CampaignView, totals: Totals, due: readonly Due[], nowMs: number): Step[] {
  const opened = waveToOpen(view, totals, nowMs);
  const progress = { ...view.progress, ...opened };
  const [able, waits] = withinWindows(view, due, nowMs);
  const room = roomIn({ ...view, progress }, totals, nowMs);
  const inFlightRoom = Math.max(
    0,
    Math.min(view.campaign.inFlightMax - totals.inFlight, Math.floor(allowanceOf(view, nowMs))),
  );
  const fresh = able
    .filter(({ status, place = 0 }) => status === 'waiting' && place < room.placeEnd)
    .slice(0, Math.min(inFlightRoom, room.devices));
  const again = able.filter(({ status }) => status === 'reverted').slice(0, inFlightRoom - fresh.length);
  const offers = [...fresh, ...again].map(({ device }): Step => ({ do: 'offer', device }));
  return [...(opened === undefined ? [] : [{ do: 'open', ...opened } as const]), ...waits, ...offers];
}

/**
 * Waves are cumulative: the next one opens when as many devices as those before it hold have finished, the
 * test speaks for it, and it is not too early.
 */
function waveToOpen(view: CampaignView, totals: Totals, nowMs: number) {
  const { campaign, progress } = view;
  const { soakMs = 0, created } = campaign;
  const finished = finishedOf(totals);
  const limits = limitsOf(view, totals);
  if (finished < (limits[progress.wave] ?? 0) || verdictOn(view, totals)?.go === false) return undefined;
  const wave = limits.findIndex((limit, index) => index > progress.wave && limit > finished);
  if (wave < 0 || nowMs < created + soakMs * wave) return undefined;
  return { wave, finished, failed: failedOf(totals) };
}

const limitsOf = ({ campaign }: CampaignView, totals: Totals) =>
  campaign.waves.map((share) => Math.ceil(((addressed(totals) - totals.unfit) * share) / 1000));

/**
 * How many devices that were never offered anything may have their turn. A test that can't tell yet takes
 * as many more as it needs, whatever the wave; and until it can, no more are in flight than it has seen end.
 */
function roomIn(view: CampaignView, totals: Totals, nowMs: number) {
  const { campaign, progress } = view;
  const { waves, soakMs, created } = campaign;
  const outstanding = finishedOf(totals) + totals.inFlight;
  const open = Math.max(0, (limitsOf(view, totals)[progress.wave] ?? 0) - outstanding);
  const verdict = verdictOn(view, totals);
  const [, seen] = since(progress, totals);
  const needed = verdict?.needed ?? 0;
  const ramp = verdict === undefined ? Infinity : Math.max(needed, seen) - totals.inFlight;
  const devices = Math.max(0, Math.min(Math.max(open, needed - totals.inFlight), ramp));
  // What a device may work out itself is kept to: no device of a later wave before its time.
  const wave = soakMs === undefined || soakMs === 0 ? Infinity : Math.floor((nowMs - created) / soakMs);
  const share = waves[Math.max(0, wave)] ?? 1000;
  return { devices, placeEnd: (share * drawEnd) / 1000 };
}

/** Devices whose window is open, and for the others when theirs opens. */
function withinWindows({ campaign }: CampaignView, due: readonly Due[], nowMs: number) {
  const { window } = campaign;
  if (window === undefined) return [due, []] as const;
  const able: Due[] = [];
  const waits: Step[] = [];
  for (const each of due) {
    const opening = openingFor(window, each.timeZone, (each.place ?? 0) / drawEnd, nowMs);
    if (isLive(each.status) || opening === undefined) continue;
    if (opening.fromMs <= nowMs) able.push(each);
    else waits.push({ do: 'wait', device: each.device, untilMs: opening.fromMs });
  }
  return [able, waits] as const;
}
