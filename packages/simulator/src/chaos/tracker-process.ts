/**
 * A tracker as a process of its own, so that it can be killed: what devices ask comes over HTTP, what an
 * operator wants by messages of the parent. All that survives it is in its folder.
 */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import { outlineEnvelope } from '@lapel/author';
import type { VerificationKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';
import type { Release, StatusTracker } from '@lapel/status-tracker';
import { createSqliteStore, createStatusTracker, readPublicKey } from '@lapel/status-tracker';
import type { Clock, Handler } from '@lapel/transport';
import { Problem, bytesBody, serveHttp, systemClock, systemRandom } from '@lapel/transport';
import { component } from '../firmware.ts';
import type { Ask, Told } from './tracker-control.ts';

/** Between two rounds of the planner. */
const roundMs = 100;

const [folder = '', offset = '0'] = process.argv.slice(2);
let offsetMs = Number(offset);
const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs };

const tracker = await open();
const server = await serveHttp(withManifests(tracker.handler), { port: 0, onBug: noteBug });
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
    store: createSqliteStore({ path: join(folder, 'data/tracker.sqlite') }),
    clock,
    random: systemRandom,
    trackerKey: await signingKey('tracker'),
    operators: [await verificationKey('operator')],
    authors: [{ key: await verificationKey('author') }],
    releases: (digest) => releases.get(hex(digest)),
    onBug: noteBug,
  });
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
    case 'campaign': {
      const { state, generation, orderNumber } = await tracker.desk.campaign(ask.campaign);
      return { state, generation, orderNumber };
    }
  }
}

/** What the tracker tells as a Problem it has seen coming, such as a full disk. */
function noteBug(error: unknown): void {
  if (error instanceof Problem) return;
  tell({ told: 'bug', because: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

function tell(told: Told): void {
  process.send?.(told);
}

/** Manifests beside the tracker's own resources, as a house of one process has them. */
function withManifests(handler: Handler): Handler {
  return async (request) => {
    const name = /^\/manifests\/(?<name>[0-9a-f]{64})$/.exec(request.path)?.groups?.['name'];
    if (name === undefined) return handler(request);
    const envelope = new Uint8Array(await readFile(join(folder, 'releases', `${name}.suit`)));
    return { status: 'ok', headers: {}, body: bytesBody(envelope) };
  };
}

async function readReleases(): Promise<ReadonlyMap<string, Release>> {
  const releases = new Map<string, Release>();
  for (const name of await readdir(join(folder, 'releases'))) {
    const envelope = new Uint8Array(await readFile(join(folder, 'releases', name)));
    const { digest, summary } = outlineEnvelope(envelope);
    const [vendor, product] = [summary.vendorIdentifiers[0], summary.classIdentifiers[0]];
    if (vendor === undefined || product === undefined)
      throw new Error(`expected a class in ${name}, found none`);
    releases.set(hex(digest.bytes), {
      digest: digest.bytes,
      ...{ vendor, class: product, components: [component], imageBytes: 1 },
      ...{ sequenceNumber: summary.sequenceNumber, uri: `/manifests/${hex(digest.bytes)}`, released: true },
    });
  }
  return releases;
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
