/**
 * Who goes next: a pure function of a campaign, its totals, the devices that are due, and the time. It
 * decides and changes nothing; `carry-out.ts` acts. So an operator can see the next steps before they are
 * taken, and a rollout can be replayed from its inputs.
 */
import type { CampaignView } from './campaign.ts';
import type { Due, Totals } from './fleet.ts';
import { addressed, failedOf, finishedOf, isLive } from './fleet.ts';

export type Step =
  | { readonly do: 'offer'; readonly device: string }
  /** `not-taken`: it never fetched the offer, so it is no failure; it waits until it is seen again. */
  | { readonly do: 'give-up'; readonly device: string; readonly because: 'silent' | 'not-taken' }
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
  const failed = failedOf(after) - view.forgiven.failed;
  const finished = finishedOf(after) - view.forgiven.finished;
  if (failed * 1000 > view.campaign.failureRateMax * finished) {
    return [...silent, { do: 'halt', because: `${failed} of ${finished} finished devices failed` }];
  }
  const offers = nextOffers(view, after, due);
  if (offers.length > 0 || silent.length > 0) return [...silent, ...offers];
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

/**
 * Waves are cumulative: the next one opens when as many devices as those before it hold have finished.
 * Devices that were never offered anything go before those whose trial expired.
 */
function nextOffers({ campaign }: CampaignView, totals: Totals, due: readonly Due[]): Step[] {
  const fit = addressed(totals) - totals.unfit;
  const limits = campaign.waves.map((share) => Math.ceil((fit * share) / 1000));
  const finished = finishedOf(totals);
  const open = limits.find((limit) => finished < limit) ?? fit;
  const inFlightRoom = Math.max(0, campaign.inFlightMax - totals.inFlight);
  const waveRoom = Math.max(0, open - finished - totals.inFlight);
  const fresh = due.filter(({ status }) => status === 'waiting').slice(0, Math.min(inFlightRoom, waveRoom));
  const again = due.filter(({ status }) => status === 'reverted').slice(0, inFlightRoom - fresh.length);
  return [...fresh, ...again].map(({ device }) => ({ do: 'offer', device }));
}
