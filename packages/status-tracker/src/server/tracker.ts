/**
 * The status tracker's server half (RFC 9019 §2.3), put together: it knows the fleet, and carries out what
 * operators have signed. All that matters is in its store: after a restart it goes on where it stopped,
 * with the offers that were out, under the nonces that they had.
 */
import type { SigningKey, VerificationKey } from '@lapel/cose';
import type { TrustAnchor } from '@lapel/suit';
import type { Clock, Handler, Random } from '@lapel/transport';
import { Problem, problemResponse } from '@lapel/transport';
import type { FindContext } from '@lapel/transport/coap';
import type { ServerStrategy } from '../policy/trigger.ts';
import type { UrgencyStrategy } from '../policy/urgency.ts';
import type { TransportName } from '../protocol.ts';
import { createAccess } from './access.ts';
import type { Access } from './access.ts';
import type { CampaignView, Releases } from './campaign.ts';
import { carryOut } from './carry-out.ts';
import { createChannels } from './channels.ts';
import { createCollector } from './collect.ts';
import { createDesk } from './desk.ts';
import type { Desk } from './desk.ts';
import type { Change } from './fleet.ts';
import type { FirmwareServersOptions } from './firmware-servers.ts';
import { createFirmwareServers } from './firmware-servers.ts';
import { followChanges, followOthers, restore, serveOffers } from './follow.ts';
import type { Memory } from './follow.ts';
import type { TransparencyLog } from './log.ts';
import { createLog } from './log.ts';
import { createModes } from './modes.ts';
import type { Modes } from './modes.ts';
import { createManifests } from './manifests.ts';
import type { Notify, NotifyLimits } from './notify.ts';
import { createNotify } from './notify.ts';
import type { Persons } from './persons.ts';
import { plan } from './plan.ts';
import type { Proofs } from './proofs.ts';
import { provedHere } from './proofs.ts';
import { createRegistrar } from './register.ts';
import { deviceResources } from './resources.ts';
import { elsewhere } from './sql.ts';
import { createStatements } from './statements.ts';
import type { FleetStore } from './store.ts';
import { plannerActor } from './store.ts';
import type { Kinds } from './urgency-of-release.ts';
import { createJudge } from './urgency-of-release.ts';
import type { Watch } from './watch.ts';
import { watchedStore } from './watched-store.ts';
import { campaignChange, createWatch } from './watch.ts';

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
  /** Whose the operators' keys are; two of one person's are one voice. */
  readonly persons?: Persons;
  readonly onBug: (error: unknown) => void;
  readonly limits?: NotifyLimits;
  /** How urgent what is rolled out is, where its manifest does not say so. */
  readonly urgency?: UrgencyStrategy;
  /** Kinds of components, for those strategies, by the names that manifests give them. */
  readonly kinds?: Kinds;
  /** When devices are updated that leave that to the server. */
  readonly strategy?: ServerStrategy;
  /** Firmware servers besides the tracker's own, and the way to each. */
  readonly firmwareServers?: Pick<FirmwareServersOptions, 'servers' | 'reach'>;
  /** What devices may speak to it; HTTP, where nothing is said. */
  readonly transports?: readonly TransportName[];
  /** Where signatures are proved: in this thread, where nothing is said. */
  readonly proofs?: Proofs;
  /** Of this process among those that share the store: each campaign is planned by one at a time. */
  readonly name?: string;
}

export interface StatusTracker {
  /** What devices talk to. */
  readonly handler: Handler;
  /** What operators do and ask. */
  readonly desk: Desk;
  readonly access: Access;
  readonly watch: Watch;
  readonly log: TransparencyLog;
  /** Secrets that are shared with devices, for whoever serves CoAP. */
  readonly channels: FindContext;
  /** Whether the fleet has moved to another store: nothing is told of it here any more. */
  readonly isGone: boolean;
  /** Plans and carries out one round for every open campaign; a timer calls it. */
  tick(): Promise<void>;
  /** Writes what is still to be written; the store stays open. */
  close(): Promise<void>;
}

/** Several rounds; a process that was killed is replaced after it. */
const planLeaseMs = 10_000;
/** Offers that one round makes in one campaign. */
const dueMax = 1_000;
const seenBatchMax = 5_000;

export async function createStatusTracker(given: StatusTrackerOptions): Promise<StatusTracker> {
  const { fleet } = await given.store.whereabouts();
  if (fleet === 'gone') throw elsewhere();
  if (fleet === 'arriving') throw new Problem('unavailable', arriving);
  const manifests = createManifests(given.releases, given.authors ?? []);
  const watch = createWatch();
  const options = { ...given, store: watchedStore(given.store, watch), clock: inWholeMs(given.clock) };
  const { store, clock, random, trackerKey, onBug } = options;
  const onTwin = async (device: string, because: string) => freezeTwin(options, notify, device, because);
  // What the store can't take now it is asked again with the next poll.
  const tellBug = (error: unknown) => void (error instanceof Problem || onBug(error));
  const freeze = (device: string) => void onTwin(device, sessionOfBefore).catch(tellBug);
  const statements = await createStatements(store);
  const newestOf = (line: string) => statements.newestOf(line)?.digest;
  const notify: Notify = createNotify(clock, options.limits, { onTwin: freeze, newestOf });
  const log = createLog(store, clock, trackerKey);
  const access = await createAccess(store, clock, random);
  const { firmwareServers: others } = options;
  const servers = others && createFirmwareServers({ ...others, store, clock });
  const memory = { ...options, notify, watch, statements, ...(servers && { servers }) };
  const onChanges = (changes: readonly Change[]) => followChanges(changes, memory);
  const { transports, proofs = provedHere } = options;
  const house = transports === undefined ? {} : { house: { transports } };
  const isShared = options.name !== undefined;
  const proving = { proofs, clock, trackerKey };
  const registrar = createRegistrar({ ...proving, store, notify, random, isShared, ...house });
  await registrar.round();
  const modes = createModes({ ...options, notify, proofs, onChanges });
  const collector = createCollector({ ...memory, ...proving, manifests, onChanges, onTwin });
  const rounds = createRounds(memory, modes, onChanges);
  // Before anything is read: what is written meanwhile is not missed.
  const following = await followOthers(memory, { access, nowMs: clock.wallMs, onBug });
  await restore(memory);

  const desk = createDesk({
    ...options,
    manifests,
    judge: createJudge({ store, manifests, strategy: given.urgency, kinds: given.kinds }),
    notify,
    log,
    statements,
    tell: watch.tell,
    serve: (view) => serveOffers(memory, view),
  });
  let isGone = false;
  const look = async () => void (isGone ||= (await store.whereabouts()).fleet !== 'here');
  const handler = deviceResources({ registrar, notify, collector, modes, statements, onBug });
  return {
    // What memory holds of a fleet that is elsewhere is old.
    handler: async (asked) => (isGone ? problemResponse(elsewhere()) : handler(asked)),
    get isGone() {
      return isGone;
    },
    desk,
    access,
    watch,
    log,
    channels: createChannels({ store, clock, isShared }),
    async tick() {
      await look();
      if (isGone) return;
      await following.catchUp();
      await registrar.round();
      await rounds.tick();
    },
    async close() {
      notify.close();
      await following.end();
      await rounds.settled();
      await look();
      if (!isGone) await writeSeen(store, notify);
    },
  };
}

const arriving = 'expected the whole fleet here, found it still on its way from another store';

/**
 * Devices that a campaign looks at in one round, until it has seen all of its class once; who comes or
 * changes later joins by itself.
 */
const joinMax = 1_000;

type Inner = StatusTrackerOptions & Memory;

function createRounds(options: Inner, modes: Modes, onChanges: (changes: readonly Change[]) => void) {
  const { store, clock, notify, watch } = options;
  /** Up to which device a campaign has looked. */
  const lookedAt = new Map<string, string | undefined>();
  /** Of the campaigns that are planned here, by the clock that nobody sets. */
  const renewsMs = new Map<string, number>();
  let underWay: Promise<void> | undefined;

  async function round(): Promise<void> {
    await writeSeen(store, notify);
    const open = await store.openCampaigns(clock.wallMs());
    for (const id of renewsMs.keys()) if (!open.some((view) => view.id === id)) renewsMs.delete(id);
    for (const view of open) await campaignRound(view);
    await modes.round();
  }

  async function campaignRound(view: CampaignView): Promise<void> {
    const nowMs = clock.wallMs();
    if (!(await isOurs(view.id, nowMs))) return;
    const isJoining = await join(view.id, nowMs);
    const totals = await store.totals(view.id);
    const planned = plan(view, totals, await store.due(view.id, nowMs, dueMax), nowMs);
    const steps = isJoining ? planned.filter((step) => step.do !== 'complete') : planned;
    if (steps.length === 0) return;
    onChanges((await carryOut(options, view, steps, nowMs)) ?? []);
    const after = await store.campaign(view.id);
    if (after !== undefined && after.state !== view.state) watch.tell(campaignChange(after, nowMs));
  }

  /** Whoever has a lease asks again when half of it is over; steps of two at once exclude each other. */
  async function isOurs(id: string, nowMs: number): Promise<boolean> {
    if (clock.monotonicMs() < (renewsMs.get(id) ?? 0)) return true;
    const lease = { name: `plan ${id}`, holder: options.name ?? 'tracker', nowMs, forMs: planLeaseMs };
    const isGranted = await store.lease(lease);
    if (isGranted) renewsMs.set(id, clock.monotonicMs() + planLeaseMs / 2);
    else renewsMs.delete(id);
    return isGranted;
  }

  /** @returns whether there are devices left to look at. */
  async function join(id: string, nowMs: number): Promise<boolean> {
    const after = lookedAt.get(id);
    if (lookedAt.has(id) && after === undefined) return false;
    const last = await store.join(id, { limit: joinMax, ...(after === undefined ? {} : { after }) }, nowMs);
    lookedAt.set(id, last);
    return last !== undefined;
  }

  return {
    settled: async () => underWay,
    /** A round at a time: one that is called for while another is under way is that other one. */
    tick: (): Promise<void> => (underWay ??= round().finally(() => (underWay = undefined))),
  };
}

/** Last contacts are written behind: a poll writes nothing. What finds no room is written a round later. */
async function writeSeen(store: FleetStore, notify: Notify): Promise<void> {
  const seen = notify.takeSeen();
  let written = 0;
  try {
    for (; written < seen.length; written += seenBatchMax) {
      await store.recordSeen(seen.slice(written, written + seenBatchMax));
    }
  } finally {
    notify.keepSeen(seen.slice(written));
  }
}

const sessionOfBefore = 'two of it go on at once: a session was used after a newer one had begun';

/** One of them is a copy, and nobody here can tell which. */
async function freezeTwin(
  { store, clock }: StatusTrackerOptions,
  notify: Notify,
  device: string,
  because: string,
): Promise<void> {
  notify.withdrawFrom(device);
  await store.freeze([device], { because, actor: plannerActor, atMs: clock.wallMs(), isApart: true });
}

/** Messages and stores hold whole milliseconds. */
const inWholeMs = (clock: Clock): Clock => ({
  monotonicMs: () => clock.monotonicMs(),
  wallMs: () => Math.floor(clock.wallMs()),
  wallIsTrusted: clock.wallIsTrusted,
  sleep: (ms, signal) => clock.sleep(ms, signal),
});
