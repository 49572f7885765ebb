/**
 * Carries out what the planner proposed: one transaction in the store, then the offers are served. It
 * decides nothing.
 */
import type { Random } from '@lapel/transport';
import type { CampaignView, Releases } from './campaign.ts';
import { deadlineOf } from './campaign.ts';
import type { Change } from './fleet.ts';
import type { FirmwareServers } from './firmware-servers.ts';
import type { FullOffer, Notify } from './notify.ts';
import type { Step } from './plan.ts';
import type { Statements } from './statements.ts';
import type { FleetStore, LiveOffer, Move } from './store.ts';

export interface CarryOutOptions {
  readonly store: FleetStore;
  readonly notify: Notify;
  readonly releases: Releases;
  readonly random: Random;
  readonly statements: Statements;
  /** Others than the tracker's own, where there are any. */
  readonly servers?: FirmwareServers;
}

const nonceBytes = 16;

/**
 * @returns what changed, or undefined where the campaign has moved on since it was planned: another plan is
 * made of what it is now.
 */
export async function carryOut(
  { store, notify, random, ...sources }: CarryOutOptions,
  view: CampaignView,
  steps: readonly Step[],
  nowMs: number,
): Promise<readonly Change[] | undefined> {
  const { id, generation, campaign } = view;
  const moves = steps.map((step): Move => {
    if (step.do !== 'offer') return step;
    return { ...step, nonce: random.bytes(nonceBytes), expiresMs: campaign.expires };
  });
  const offered = moves.flatMap((move) => (move.do === 'offer' ? [move.device] : []));
  // Beforehand: were there something to wait for between the store and the memory, what a device says
  // meanwhile would withdraw its offer first, and the offer be served after that.
  const complete = offered.length > 0 ? await completion(view, offered, sources) : () => [];
  const applied = await store.applySteps(id, generation, moves, nowMs);
  if (applied === undefined) return undefined;
  for (const { device, campaign: from } of applied.changes) notify.withdraw(device, from);
  for (const offer of complete(applied.offers)) notify.setOffer(offer);
  if (applied.state !== 'running') notify.withdrawAll(id);
  return applied.changes;
}

type Sources = Pick<CarryOutOptions, 'releases' | 'statements' | 'servers'>;
type Completion = (offers: readonly LiveOffer[]) => readonly FullOffer[];

/** What the campaign and its release add to offers of it to these devices. */
export async function completion(
  view: CampaignView,
  devices: readonly string[],
  { releases, statements, servers }: Sources,
): Promise<Completion> {
  const { uri, target, judged } = view;
  const latestMs = deadlineOf(view);
  const envelope = (await releases(target.digest))?.envelope;
  const campaignDigest = statements.offered(view);
  const places = await servers?.placesOf(uri, devices);
  return (offers) =>
    offers.map((offer) => ({
      ...offer,
      uri: places?.get(offer.device) ?? uri,
      digest: target.digest,
      urgency: judged.urgency,
      latestMs,
      campaignDigest,
      ...(envelope === undefined ? {} : { envelope }),
    }));
}
