/**
 * Devices, campaigns and words of devices that the tests of stores begin with. Nothing of it is signed but
 * campaigns.
 */
import assert from 'node:assert/strict';
import { digest, encodeVerificationKey } from '@lapel/cose';
import type { CampaignView, FleetStore, Inventory } from '../src/index.ts';
import { acceptCampaign } from '../src/index.ts';
import { begun } from '../src/server/campaign.ts';
import type { Campaign } from '../src/protocol.ts';
import type { Newest } from '../src/server/newest-store.ts';
import type { NewDevice, ReportRecord } from '../src/server/store.ts';
import {
  bytes16,
  campaignBytes,
  digestFor,
  inventoryOf,
  lampClass,
  operatorKey,
  releaseOf,
  startMs,
  testKey,
  vendor,
} from './world.ts';

export const by = { actor: 'test', atMs: startMs };
export const tokenHash = new Uint8Array(32).fill(7);
/** What it is called by in messages. */
export const session = tokenHash.slice(0, 8);

export const newDevice = (id: string, changes: Partial<NewDevice> = {}): NewDevice => {
  const key = testKey(id).public;
  return {
    id,
    publicKey: encodeVerificationKey(key),
    kid: key.kid,
    vendor,
    class: lampClass,
    approval: 'approved',
    ...changes,
  };
};

export const newCampaign = async (
  id: string,
  sequenceNumber = 2,
  createdMs = startMs,
  changes: Partial<Campaign> = {},
): Promise<CampaignView> => {
  const signed = campaignBytes(id, sequenceNumber, createdMs, changes);
  const releases = () => releaseOf(sequenceNumber);
  const accepted = await acceptCampaign(signed, {
    operators: [operatorKey.public],
    releases,
    judge: async () => ({ urgency: 'normal', because: 'nothing is known of it' }),
    nowMs: createdMs,
  });
  return begun(accepted, { signed, actor: 'test', nowMs: createdMs });
};

export const inventory = (sequenceNumber = 1, changes: Partial<Inventory> = {}): Inventory => ({
  ...inventoryOf(sequenceNumber),
  atMs: startMs,
  ...changes,
});

let told = 0;
/** Bytes that nobody has signed: a store keeps them, it does not judge them. */
export const evidence = () => new Uint8Array([...new TextEncoder().encode(`evidence ${told++}`)]);

/** A device that has registered and told what it runs. */
export async function addSeen(
  store: FleetStore,
  id: string,
  counter = 1,
  told: Inventory = inventory(),
): Promise<void> {
  await store.addDevices([newDevice(id)], by);
  await store.startSessions([{ device: id, tokenHash, updateMode: 'negotiated', atMs: startMs }]);
  await store.recordCheckIns([{ device: id, session, counter, inventory: told, signed: evidence() }]);
}

/** What a device says in a check-in, beyond what `inventory` has. */
export async function tells(
  store: FleetStore,
  device: string,
  counter: number,
  { in: among = session, ...changes }: Partial<Inventory> & { readonly in?: Uint8Array },
): Promise<void> {
  const said = inventory(1, { ...changes, atMs: startMs + counter });
  const record = { device, session: among, counter, inventory: said, signed: evidence() };
  assert.equal((await store.recordCheckIns([record]))[0]?.end, 'recorded');
}

export const statusIn = async (store: FleetStore, campaign: string, device: string) =>
  (await store.member(campaign, device))?.status;

export const nonceOf = (id: string) => bytes16(id);

export async function offer(
  store: FleetStore,
  campaign: string,
  device: string,
  nonce: Uint8Array,
  atMs = startMs,
) {
  const view = await store.campaign(campaign);
  const moves = [{ do: 'offer', device, nonce, expiresMs: startMs + 1e6 }] as const;
  const applied = await store.applySteps(campaign, view?.generation ?? -1, moves, atMs);
  assert.ok(applied);
  return applied;
}

export const reportOn = (
  device: string,
  nonce: Uint8Array,
  changes: Partial<ReportRecord> = {},
): ReportRecord => ({
  device,
  nonce,
  digest: digestFor(2),
  reason: 'ok',
  replay: { end: 'plausible' },
  signed: evidence(),
  atMs: startMs + 1,
  ...changes,
});

/** A word on the newest release; nobody has signed it, and a store does not ask. */
export const newestOf = (
  sequenceNumber: number,
  createdMs: number,
  changes: Partial<Newest> = {},
): Newest => {
  const signed = new TextEncoder().encode(`newest ${sequenceNumber} ${createdMs}`);
  return {
    vendor,
    class: lampClass,
    manifestDigest: digestFor(sequenceNumber),
    sequenceNumber,
    createdMs,
    expiresMs: createdMs + 1e6,
    digest: digest('sha-256', signed),
    signed,
    ...changes,
  };
};

export const c1 = 'c1'.repeat(16);
export const c2 = 'c2'.repeat(16);

export type Check = (sentence: string, body: (store: FleetStore) => Promise<void>) => void;
