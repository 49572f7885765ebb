/**
 * A tracker as a process of its own, so that it can be killed: what devices ask comes over HTTP, what an
 * operator wants by messages of the parent. All that survives it is in its folder.
 */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';
import type { FleetStore, Release, StatusTracker } from '@lapel/status-tracker';
import {
  createStatusTracker,
  openPostgresStore,
  openSqliteInThread,
  proveInThread,
  readPublicKey,
} from '@lapel/status-tracker';
import type { Clock } from '@lapel/transport';
import { Problem, serveHttp, systemClock, systemRandom } from '@lapel/transport';
import { releaseIn, withManifests } from '../crowd/crowd-release.ts';
import type { Ask, Told } from './tracker-control.ts';

/** Between two rounds of the planner. */
const roundMs = 100;

const [folder = '', name = '', database = '', offset = '0'] = process.argv.slice(2);
let offsetMs = Number(offset);
const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs };

const tracker = await open();
const server = await serveHttp(withManifests(tracker.handler, envelopeIn), { port: 0, onBug: noteBug });
process.on('message', (asked: Ask) => void answer(asked));
// Without its parent nobody would ever end it.
process.on('disconnect', () => process.exit());
tell({ told: 'ready', port: server.port });
for (;;) {
  await tracker.tick().catch(noteBug);
  await systemClock.sleep(roundMs);
}

async function open(): Promise<StatusTracker> {
  const releases = await readReleases();
  return createStatusTracker({
    store: await openStore(),
    proofs: proveInThread(),
    name,
    clock,
    random: systemRandom,
    trackerKey: await signingKey('tracker'),
    operators: [await verificationKey('operator')],
    authors: [{ key: await verificationKey('author') }],
    releases: (digest) => releases.get(hex(digest)),
    onBug: noteBug,
  });
}

async function openStore(): Promise<FleetStore> {
  if (database === '') return openSqliteInThread({ path: join(folder, 'data/tracker.sqlite') });
  return openPostgresStore({ url: database, clock: systemClock, random: systemRandom });
}

async function answer({ number, ask }: Ask): Promise<void> {
  try {
    tell({ told: 'answer', number, value: await obey(ask) });
  } catch (error) {
    noteBug(error);
    tell({ told: 'refusal', number, because: error instanceof Error ? error.message : String(error) });
  }
}

async function obey(ask: Ask['ask']): Promise<unknown> {
  switch (ask.do) {
    case 'clock':
      offsetMs = ask.offsetMs;
      return undefined;
    case 'provision':
      return tracker.desk.provision({ ...ask.device, key: readPublicKey(ask.publicKey) }, 'chaos');
    case 'start':
      return (await tracker.desk.start(ask.signed, 'chaos')).id;
    case 'order':
      return (await tracker.desk.order(ask.campaign, ask.signed, 'chaos')).state;
    case 'retire':
      return tracker.desk.retire(ask.device, 'chaos', 'chaos');
    case 'approve':
      return tracker.desk.approve(ask.device, 'chaos');
    case 'device':
      return JSON.stringify(await tracker.desk.device(ask.device), inHex);
    case 'explain':
      return (await tracker.desk.device(ask.device)).explanation;
    case 'campaign': {
      const { state, generation, orderNumber } = await tracker.desk.campaign(ask.campaign);
      return { state, generation, orderNumber };
    }
  }
}

function inHex(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? hex(value) : value;
}

/** What the tracker tells as a Problem it has seen coming, such as a full disk. */
function noteBug(error: unknown): void {
  if (error instanceof Problem) return;
  tell({ told: 'bug', because: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

function tell(told: Told): void {
  process.send?.(told);
}

async function envelopeIn(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(join(folder, 'releases', `${name}.suit`)));
}

async function readReleases(): Promise<ReadonlyMap<string, Release>> {
  const names = (await readdir(join(folder, 'releases'))).map((file) => file.replace(/\.suit$/, ''));
  return new Map(
    await Promise.all(names.map(async (name) => [name, releaseIn(await envelopeIn(name))] as const)),
  );
}

async function signingKey(name: string) {
  const key = readKeyPem(await readFile(join(folder, 'keys', `${name}.pem`), 'utf8'));
  if (key.use !== 'sign') throw new Error(`expected a private key as ${name}, found another`);
  return key;
}

async function verificationKey(name: string): Promise<VerificationKey> {
  const key = readKeyPem(await readFile(join(folder, 'keys', `${name}.pub.pem`), 'utf8'));
  if (key.use !== 'verify') throw new Error(`expected a public key as ${name}, found another`);
  return key;
}
