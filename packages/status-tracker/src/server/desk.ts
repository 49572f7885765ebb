/**
 * What an operator can do and ask, whatever carries it: the API over HTTP, a command, a test. Campaigns and
 * orders come signed; who brought them is kept beside who signed them.
 */
import { compareBytes, unhex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, decodeVerificationKey, readKeyPem } from '@lapel/cose';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import type { CampaignView, Judge, Releases } from './campaign.ts';
import { acceptApproval } from './approve.ts';
import { acceptCampaign, acceptOrder, begun, noCampaign } from './campaign.ts';
import type { DeviceDesk } from './device-desk.ts';
import { createDeviceDesk, deviceIn } from './device-desk.ts';
import type { DryRun } from './dry-run.ts';
import { createDryRun } from './dry-run.ts';
import type { EnrolmentDesk } from './enrolment/enrolment-desk.ts';
import { createEnrolmentDesk } from './enrolment/enrolment-desk.ts';
import { explain, inPast, signedBy } from './explain.ts';
import type { DeviceView, Totals } from './fleet.ts';
import { encodeLogEntry, entryOfSigned } from '../transparency/tree-head.ts';
import type { TransparencyLog } from './log.ts';
import type { Manifests } from './manifests.ts';
import { needsOf } from './needs.ts';
import type { Notify } from './notify.ts';
import { acceptNewest, isOvertaken } from './newest.ts';
import type { Persons } from './persons.ts';
import type { Step } from './plan.ts';
import type { PatchProof, PatchedDevice } from './patched.ts';
import { countsAsExposed, patchedDevice, provePatch } from './patched.ts';
import { plan } from './plan.ts';
import type { Newest } from './newest-store.ts';
import { lineOf } from './newest-store.ts';
import type { Statements } from './statements.ts';
import type { FleetStore, Page } from './store.ts';
import type { StateChange } from './watch.ts';

export interface DeskOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly notify: Pick<Notify, 'forget' | 'withdrawFrom'>;
  readonly operators: readonly VerificationKey[];
  readonly releases: Releases;
  readonly manifests: Manifests;
  readonly judge: Judge;
  readonly log: TransparencyLog;
  readonly statements: Statements;
  readonly tell: (change: StateChange) => void;
  readonly persons?: Persons;
  /** The campaign's offers are to be served, or no more. */
  readonly serve: (view: CampaignView) => Promise<void>;
}

export interface Desk extends DeviceDesk, EnrolmentDesk {
  /** @returns the campaign, once for the same signed bytes. @throws {Problem} */
  start(signed: Uint8Array, actor: string): Promise<CampaignView>;
  /** @throws {Problem} */
  order(campaign: string, signed: Uint8Array, actor: string): Promise<CampaignView>;
  /** Counts a signed approval; with the last that is asked for, the campaign runs. @throws {Problem} */
  consent(campaign: string, signed: Uint8Array, actor: string): Promise<CampaignView>;
  /** Hands on a signed word on the newest release, once for the same bytes. @throws {Problem} */
  tellNewest(signed: Uint8Array, actor: string): Promise<Newest>;
  /** What a campaign would do, started now; nothing is started. @throws {Problem} */
  dryRun(signed: Uint8Array): Promise<DryRun>;
  /** How long its devices were exposed, from their signed words alone. @throws {Problem} */
  patched(
    campaign: string,
  ): Promise<{ readonly proof: PatchProof; readonly devices: readonly PatchedDevice[] }>;
  /** What the next round would do. @throws {Problem} */
  preview(campaign: string): Promise<{ readonly totals: Totals; readonly steps: readonly Step[] }>;
  campaign(id: string): Promise<CampaignView>;
  /** What the tracker believes of it, in one sentence, and apart from that what it has signed. */
  device(id: string): Promise<Explained>;
}

export interface Explained {
  readonly device: DeviceView;
  readonly explanation: string;
  readonly evidence: string;
}

/** Devices that are read at a time, where all are. */
const pageMax = 1_000;
/** Devices that become members as a campaign starts: it takes no longer for a million. */
const firstJoinMax = 200;
/** Devices that a preview looks at. */
const previewMax = 1_000;

export function createDesk(options: DeskOptions): Desk {
  const {
    store,
    clock,
    operators,
    releases,
    manifests,
    judge,
    log,
    statements,
    persons = new Map(),
  } = options;
  const accept = async (signed: Uint8Array, nowMs: number) =>
    acceptCampaign(signed, { operators, releases, judge, nowMs, persons });

  async function campaign(id: string): Promise<CampaignView> {
    const view = await store.campaign(id);
    if (view === undefined) throw noCampaign(id);
    return view;
  }

  async function start(signed: Uint8Array, actor: string): Promise<CampaignView> {
    const nowMs = clock.wallMs();
    const accepted = await accept(signed, nowMs);
    const view = begun(accepted, { signed, actor, nowMs });
    // It is in the log before anything comes of it; so is what it rolls out.
    await log.append([encodeLogEntry('release', view.target.digest), entryOfSigned('campaign', signed)]);
    if (!(await store.addCampaign(view))) return same(await campaign(view.id), view);
    // A small fleet is there at once; of a large one the rounds fetch the rest.
    await store.join(view.id, { limit: firstJoinMax }, nowMs);
    options.tell({ atMs: nowMs, kind: 'campaign', id: view.id, state: view.state });
    return view;
  }

  const { forget, withdrawFrom: withdraw } = options.notify;
  return {
    ...createDeviceDesk(options),
    ...createEnrolmentDesk({ ...options, forget, withdraw }),
    start,
    async order(id, signed, actor) {
      const accepted = acceptOrder(signed, id, operators);
      const atMs = clock.wallMs();
      await log.append([entryOfSigned('order', signed)]);
      const view = await store.applyOrder(accepted, {
        actor: `${actor}, signed by ${accepted.signer}`,
        atMs,
      });
      await options.serve(view);
      options.tell({ atMs, kind: 'campaign', id, state: view.state });
      return view;
    },
    async consent(id, signed, actor) {
      const voice = acceptApproval(signed, await campaign(id), { operators, persons });
      const atMs = clock.wallMs();
      await log.append([entryOfSigned('order', signed)]);
      const view = await store.approveCampaign(id, voice, { actor, atMs });
      options.tell({ atMs, kind: 'campaign', id, state: view.state });
      return view;
    },
    async tellNewest(signed, actor) {
      const nowMs = clock.wallMs();
      const { newest, signer } = await acceptNewest(signed, { operators, releases, nowMs });
      const known = statements.newestOf(lineOf(newest));
      if (known !== undefined && compareBytes(known.digest, newest.digest) === 0) return known;
      const by = { actor: `${actor}, signed by ${signer}`, atMs: nowMs };
      if (!(await store.keepNewest(newest, by))) throw isOvertaken(newest);
      await statements.reload();
      return newest;
    },
    async dryRun(signed) {
      const nowMs = clock.wallMs();
      const accepted = await accept(signed, nowMs);
      const found = await manifests.find(accepted.target.digest);
      const run = createDryRun(accepted, 'missing' in found ? undefined : needsOf(found.manifest));
      const read = async (page: Page) => store.devices(page);
      for await (const device of each(read, ({ id }) => id)) run.add(device);
      return run.result();
    },
    async patched(id) {
      const view = await campaign(id);
      const devices: PatchedDevice[] = [];
      const read = async (page: Page) => store.members(id, undefined, page);
      for await (const member of each(read, ({ device }) => device)) {
        if (countsAsExposed(member)) devices.push(patchedDevice(view, member));
      }
      return { proof: provePatch(view, devices, clock.wallMs()), devices };
    },
    async preview(id) {
      const view = await campaign(id);
      const nowMs = clock.wallMs();
      const totals = await store.totals(id);
      return { totals, steps: plan(view, totals, await store.due(id, nowMs, previewMax), nowMs) };
    },
    campaign,
    async device(id) {
      const device = await deviceIn(store, id);
      const nowMs = clock.wallMs();
      const { member } = device;
      const view = member === undefined ? undefined : await store.campaign(member.campaign);
      const open = member === undefined ? await store.openCampaigns(nowMs) : [];
      const [last] = await store.evidence(id, 1);
      const said = inPast(device, statements.newestOf(lineOf(device)), nowMs);
      const explanation = `${explain(device, view, nowMs, open)}${said}`;
      return { device, explanation, evidence: signedBy(device, last) };
    },
  };
}

/** Page after page, so that no fleet is ever in memory as a whole. */
async function* each<T>(read: (page: Page) => Promise<readonly T[]>, idOf: (one: T) => string) {
  let after: string | undefined;
  do {
    const page = await read({ limit: pageMax, ...(after === undefined ? {} : { after }) });
    yield* page;
    const last = page.at(-1);
    after = page.length < pageMax || last === undefined ? undefined : idOf(last);
  } while (after !== undefined);
}

/** Bringing the same campaign twice is no mistake; another one under its id is. */
function same(known: CampaignView, brought: CampaignView): CampaignView {
  if (compareBytes(known.signed, brought.signed) === 0) return known;
  throw new Problem('conflict', `expected an id that no campaign has yet, found ${known.id}`);
}

/** A public key as an operator has it: PEM, or a COSE_Key in hexadecimal. @throws {Problem} */
export function readPublicKey(text: string): VerificationKey {
  try {
    if (text.includes('-----BEGIN')) {
      const key = readKeyPem(text);
      if (key.use === 'verify') return key;
      // A private key has no business here; that it came is worth saying.
      throw new Problem(
        'bad-request',
        'expected a public key, found a private one: it is no secret any more',
      );
    }
    const encoded = unhex(text);
    if (encoded === undefined)
      throw new Problem('bad-request', 'expected a key in PEM or hexadecimal, found neither');
    return decodeVerificationKey(encoded);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new Problem('bad-request', error.message, { cause: error });
  }
}
