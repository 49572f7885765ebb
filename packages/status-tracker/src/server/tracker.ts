/**
 * The status tracker's server half (RFC 9019 §2.3), put together: it knows the fleet, and carries out what
 * operators have signed. All that matters is in its store: after a restart it goes on where it stopped,
 * with the offers that were out, under the nonces that they had.
 */
import type { SigningKey, VerificationKey } from '@lapel/cose';
import type { TrustAnchor } from '@lapel/suit';
import type { Clock, Handler, Random } from '@lapel/transport';
import { createAccess } from './access.ts';
import type { Access } from './access.ts';
import type { CampaignView, Releases } from './campaign.ts';
import { carryOut, completed } from './carry-out.ts';
import { createCollector } from './collect.ts';
import { createDesk } from './desk.ts';
import type { Desk } from './desk.ts';
import type { Change } from './fleet.ts';
import { isLive } from './fleet.ts';
import type { TransparencyLog } from './log.ts';
import { createLog } from './log.ts';
import { createManifests } from './manifests.ts';
import type { Notify, NotifyLimits } from './notify.ts';
import { createNotify } from './notify.ts';
import { plan } from './plan.ts';
import { createRegistrar } from './register.ts';
import { deviceResources } from './resources.ts';
import type { FleetStore } from './store.ts';
import type { Watch } from './watch.ts';
import { createWatch } from './watch.ts';

export interface StatusTrackerOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Signs receipts; devices are provisioned with its public half. */
  readonly trackerKey: SigningKey;
  /** Whose campaigns are carried out. */
  readonly operators: readonly VerificationKey[];
  readonly releases: Releases;
  /** Whose manifests it believes, to hold what devices say against them; without any, nothing is. */
  readonly authors?: readonly TrustAnchor[];
  readonly onBug: (error: unknown) => void;
  readonly limits?: NotifyLimits;
}

export interface StatusTracker {
  /** What devices talk to. */
  readonly handler: Handler;
  /** What operators do and ask. */
  readonly desk: Desk;
  readonly access: Access;
  readonly watch: Watch;
  readonly log: TransparencyLog;
  /** Plans and carries out one round for every open campaign; a timer calls it. */
  tick(): Promise<void>;
  /** Writes what is still to be written; the store stays open. */
  close(): Promise<void>;
}

/** Offers that one round makes in one campaign. */
const dueMax = 1_000;
const seenBatchMax = 5_000;

export async function createStatusTracker(given: StatusTrackerOptions): Promise<StatusTracker> {
  const options = { ...given, clock: inWholeMs(given.clock) };
  const { store, clock, random, trackerKey, onBug } = options;
  const notify = createNotify(clock, options.limits);
  const watch = createWatch();
  const log = createLog(store, clock, trackerKey);
  const access = await createAccess(store, clock, random);
  const onChanges = (changes: readonly Change[]) => follow(changes, notify, watch);
  const registrar = createRegistrar({ store, notify, clock, random, trackerKey });
  const manifests = createManifests(options.releases, options.authors ?? []);
  const collector = createCollector({ store, notify, manifests, clock, trackerKey, onChanges });
  await restore(options, notify);

  const rounds = createRounds(options, notify, onChanges, watch);
  const desk = createDesk({
    ...options,
    log,
    tell: watch.tell,
    onFleetChanged: rounds.onFleetChanged,
    serve: (view) => serveOffers(options, notify, view),
  });
  return {
    handler: deviceResources({ registrar, notify, collector, onBug }),
    desk,
    access,
    watch,
    log,
    tick: rounds.tick,
    async close() {
      notify.close();
      await rounds.settled();
      await writeSeen(store, notify);
    },
  };
}

/**
 * Members are looked for when a device was added or approved here, and now and then, as others may have
 * added one.
 */
const joinMsMax = 60_000;

function createRounds(
  options: StatusTrackerOptions,
  notify: Notify,
  onChanges: (changes: readonly Change[]) => void,
  watch: Watch,
) {
  const { store, clock } = options;
  const joinedMs = new Map<string, number>();
  let underWay: Promise<void> | undefined;

  async function round(): Promise<void> {
    await writeSeen(store, notify);
    for (const view of await store.openCampaigns(clock.wallMs())) await campaignRound(view);
  }

  async function campaignRound(view: CampaignView): Promise<void> {
    const nowMs = clock.wallMs();
    if (nowMs - (joinedMs.get(view.id) ?? 0) > joinMsMax) {
      joinedMs.set(view.id, nowMs);
      await store.join(view.id, nowMs);
    }
    const totals = await store.totals(view.id);
    const steps = plan(view, totals, await store.due(view.id, nowMs, dueMax), nowMs);
    if (steps.length === 0) return;
    onChanges((await carryOut({ ...options, notify }, view, steps, nowMs)) ?? []);
    const after = await store.campaign(view.id);
    if (after !== undefined && after.state !== view.state) watch.tell(campaignChange(after, nowMs));
  }

  return {
    onFleetChanged: () => joinedMs.clear(),
    settled: async () => underWay,
    /** A round at a time: one that is called for while another is under way is that other one. */
    tick: (): Promise<void> => (underWay ??= round().finally(() => (underWay = undefined))),
  };
}

/** Last contacts are written behind: a poll writes nothing. */
async function writeSeen(store: FleetStore, notify: Notify): Promise<void> {
  const seen = notify.takeSeen();
  for (let start = 0; start < seen.length; start += seenBatchMax) {
    await store.recordSeen(seen.slice(start, start + seenBatchMax));
  }
}

/** After a restart: the sessions, and the offers that were out. */
async function restore({ store, releases }: StatusTrackerOptions, notify: Notify): Promise<void> {
  for (const { device, tokenHash, updateMode } of await store.sessions()) {
    notify.setSession(device, tokenHash, updateMode);
  }
  const views = new Map<string, CampaignView>();
  const live = await store.liveOffers();
  for (const id of new Set(live.map(({ campaign }) => campaign))) {
    const view = await store.campaign(id);
    if (view !== undefined) views.set(id, view);
  }
  for (const [id, view] of views) {
    const offers = live.filter(({ campaign }) => campaign === id);
    for (const offer of await completed(view, offers, releases)) notify.setOffer(offer);
  }
}

/** After an operator's order: what the campaign has out is served again, or no more. */
async function serveOffers({ store, releases }: StatusTrackerOptions, notify: Notify, view: CampaignView) {
  notify.withdrawAll(view.id);
  if (view.state !== 'running') return;
  const offers = (await store.liveOffers()).filter(({ campaign }) => campaign === view.id);
  for (const offer of await completed(view, offers, releases)) notify.setOffer(offer);
}

/** Memory and watchers follow the store. */
function follow(changes: readonly Change[], notify: Notify, watch: Watch): void {
  for (const { device, campaign, to, atMs, because } of changes) {
    if (!isLive(to)) notify.withdraw(device, campaign);
    const reason = because === undefined ? {} : { because };
    watch.tell({ atMs, kind: 'device', id: device, state: to, campaign, ...reason });
  }
}

const campaignChange = ({ id, state, because }: CampaignView, atMs: number) =>
  ({ atMs, kind: 'campaign', id, state, ...(because === undefined ? {} : { because }) }) as const;

/** Messages and stores hold whole milliseconds. */
const inWholeMs = (clock: Clock): Clock => ({
  monotonicMs: () => clock.monotonicMs(),
  wallMs: () => Math.floor(clock.wallMs()),
  wallIsTrusted: clock.wallIsTrusted,
  sleep: (ms, signal) => clock.sleep(ms, signal),
});
