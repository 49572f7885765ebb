/**
 * A tracker over HTTP with a store as it is kept in production, for devices that hold keys of their own and
 * have been offered a release. What they send is made once; each figure begins with a fleet that is new.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVerificationKey, generateSigningKey, openSigned } from '@lapel/cose';
import type { SigningKey } from '@lapel/cose';
import { digestOf, signReport } from '@lapel/suit';
import { serveHttp, systemClock, systemRandom } from '@lapel/transport';
import type { databases } from '../../../tools/bench-postgres.ts';
import { benchPostgres } from '../../../tools/bench-postgres.ts';
import type { FleetStore } from '../src/index.ts';
import {
  acceptCampaign,
  createStatusTracker,
  openPostgresStore,
  openSqliteInThread,
  proveInThread,
} from '../src/index.ts';
import { begun } from '../src/server/campaign.ts';
import { by, c1, evidence, inventory, session as sessionName, tokenHash } from '../test/fleet-fixtures.ts';
import { authors, matched, signedRelease } from '../test/manifest-fixtures.ts';
import { campaignBytes, lampClass, operatorKey, testKey, vendor } from '../test/world.ts';

export type Database = (typeof databases)[number];

export interface Lamp {
  readonly id: string;
  readonly key: SigningKey;
  readonly nonce: Uint8Array;
  readonly report: Uint8Array;
}

const release = signedRelease(2);
export const trackerKey = testKey('tracker');
/** More than the tracker keeps decoded keys of: each report is of a device that it has to look up. */
const count = 10_000;
/** Of those: who speaks before it is counted. A tracker runs for months, its threads' code is compiled. */
export const early = 4_000;
/** Rows that are written at once. */
const batch = 1_000;
const roundMs = 500;

let made: readonly Lamp[] | undefined;
export const lamps = (): readonly Lamp[] => (made ??= Array.from({ length: count }, (_, at) => lamp(at)));

function lamp(at: number): Lamp {
  const key = generateSigningKey('P-256');
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setUint32(0, at + 1);
  const report = signReport(key, {
    ...{ nonce, records: [matched], result: true },
    reference: [release.uri, digestOf({ algorithm: 'sha-256', bytes: release.digest })],
  });
  return { id: `lamp-${String(at).padStart(6, '0')}`, key, nonce, report };
}

/** Of their reports, with keys that are at hand: per second. */
export function bareVerificationsPerSecond(): number {
  const checked = lamps().slice(0, batch);
  const started = performance.now();
  for (const { report, key } of checked) openSigned(report, [key.public]);
  return (1_000 * checked.length) / (performance.now() - started);
}

export interface Served {
  readonly port: number;
  readonly url: string;
  readonly store: FleetStore;
}

/** @param fill what is there before the tracker starts. */
export async function served<T>(
  database: Database,
  fill: (store: FleetStore) => Promise<void>,
  measure: (served: Served) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  const store = await opened(database, folder);
  await fill(store);
  const proofs = proveInThread();
  const tracker = await createStatusTracker({
    ...{ store, proofs, clock: systemClock, random: systemRandom, trackerKey, onBug: fail, authors },
    operators: [operatorKey.public],
    releases: () => release,
  });
  const server = await serveHttp(tracker.handler, { port: 0, onBug: fail });
  const rounds = setInterval(() => void tracker.tick().catch(fail), roundMs);
  try {
    return await measure({ port: server.port, url: server.url, store });
  } finally {
    clearInterval(rounds);
    await tracker.close();
    await server.close(0);
    await proofs.close();
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function opened(database: Database, folder: string): Promise<FleetStore> {
  if (database === 'SQLite') return openSqliteInThread({ path: join(folder, 'fleet.sqlite') });
  const { url, tenant } = await benchPostgres();
  return openPostgresStore({ url, tenant, clock: systemClock, random: systemRandom });
}

export async function addLamps(store: FleetStore): Promise<void> {
  for (const page of pagesOf(lamps())) {
    const added = page.map(({ id, key: { public: key } }) => ({
      ...{ id, publicKey: encodeVerificationKey(key), kid: key.kid, vendor, class: lampClass },
      approval: 'approved' as const,
    }));
    await store.addDevices(added, by);
  }
}

/** All of them have registered, told what they run, and been offered the release. */
export async function addOffers(store: FleetStore): Promise<void> {
  await addLamps(store);
  const atMs = systemClock.wallMs();
  const session = { tokenHash, updateMode: 'client-initiated', atMs } as const;
  for (const page of pagesOf(lamps())) {
    await store.startSessions(page.map(({ id: device }) => ({ device, ...session })));
    const told = inventory(1, { atMs });
    await store.recordCheckIns(
      page.map(({ id: device }) => ({
        device,
        session: sessionName,
        counter: 1,
        inventory: told,
        signed: evidence(),
      })),
    );
  }
  const terms = { manifestDigest: release.digest, inFlightMax: count, silenceMsMax: 3_600_000 };
  const signed = campaignBytes('c1', 2, atMs, terms);
  const accepted = await acceptCampaign(signed, {
    ...{ operators: [operatorKey.public], releases: () => release, nowMs: atMs },
    judge: async () => ({ urgency: 'normal', because: 'nothing is known of it' }),
  });
  await store.addCampaign(begun(accepted, { signed, actor: 'bench', nowMs: atMs }));
  let after: string | undefined;
  do after = await store.join(c1, { limit: batch, ...(after === undefined ? {} : { after }) }, atMs);
  while (after !== undefined);
  for (const [generation, page] of pagesOf(lamps()).entries()) {
    const expiresMs = atMs + 3_600_000;
    const moves = page.map(({ id, nonce }) => ({ do: 'offer', device: id, nonce, expiresMs }) as const);
    const applied = await store.applySteps(c1, generation, moves, atMs);
    if (applied?.offers.length !== page.length) throw new Error('expected all offers, found fewer');
  }
}

const pagesOf = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / batch) }, (_, at) => all.slice(at * batch, (at + 1) * batch));

export function fail(error: unknown): never {
  throw error;
}
