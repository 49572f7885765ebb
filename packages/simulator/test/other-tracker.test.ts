/**
 * The architecture asks nothing of the status tracker: another one, which keeps no fleet and knows no
 * campaign, does for a device what ours does, as long as it is a Handler and speaks the protocol.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Infer } from '@lapel/cbor';
import { hex, read, unhex, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { generateSigningKey, openSigned, signAttached } from '@lapel/cose';
import { class1 } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import { liveInFleet, makeDevice, makeRelease, norFlash, seededRandom } from '@lapel/simulator';
import type { Offer } from '@lapel/status-tracker/protocol';
import { CheckIn, PollAnswer, Receipt, Registration } from '@lapel/status-tracker/protocol';
import { openReport } from '@lapel/suit';
import type { Handler, Response } from '@lapel/transport';
import { Problem, bytesBody, collect, problemResponse, systemClock, systemRandom } from '@lapel/transport';
import { onBug } from '../src/flow-parties.ts';
import { publishTo } from '../src/publishing.ts';

const { bytes: randomBytes } = systemRandom;

/** Offers one manifest to one device, and keeps its reports. */
function smallTracker(key: SigningKey, device: SigningKey, manifest: string, reports: Uint8Array[]): Handler {
  const answer = (bytes: Uint8Array): Response => ({ status: 'ok', body: bytesBody(bytes) });
  const sealed = (receipt: Infer<typeof Receipt>) => answer(signAttached(key, write(Receipt, receipt)));
  const offer: Infer<typeof Offer> = {
    version: 1,
    ...{ campaign: randomBytes(16), generation: 1, nonce: randomBytes(16) },
    ...{ uri: `/manifests/${manifest}`, digest: unhex(manifest) ?? new Uint8Array() },
    expires: systemClock.wallMs() + 60_000,
  };
  return async ({ path, body }) => {
    const said = await collect(body, 65_536);
    const open = () => openSigned(said, [device.public]).payload;
    const common = { version: 1, wallMs: systemClock.wallMs() } as const;
    switch (path.split('/')[1]) {
      case 'challenges':
        return answer(randomBytes(48));
      case 'register': {
        const { device: id, nonce } = read(Registration, open());
        return sealed({ ...common, device: id, nonce, token: randomBytes(32) });
      }
      case 'check-in': {
        const { device: id, nonce } = read(CheckIn, open());
        return sealed({ ...common, device: id, nonce });
      }
      case 'offers':
        return answer(write(PollAnswer, { version: 1, offer }));
      case 'reports':
        reports.push(said);
        return { status: 'changed', body: bytesBody(new Uint8Array()) };
      default:
        return problemResponse(new Problem('not-found', `expected a path of the protocol, found ${path}`));
    }
  };
}

test('S4-20: a device updates from a tracker of thirty lines, and reports to it', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-other-tracker-'));
  context.after(() => rm(folder, { recursive: true }));
  const [author, tracker] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  const trustAnchors = [{ key: author.public }];
  const server = await createFirmwareServer({ folder, trustAnchors, onBug, onRefused: onBug });
  const random = seededRandom(7);
  const [old, image] = [random.bytes(5_000), random.bytes(6_000)];
  const release = (sequence: number, content: Uint8Array) =>
    makeRelease({ image: content, sequence, version: `1.${sequence}.0`, className: 'lamp', key: author });
  const manifest = await publishTo(server.handler, await release(2, image), image);
  const profile = class1();
  const device = makeDevice(
    { id: 'lamp-1', className: 'lamp', firmware: { envelope: await release(1, old), image: old } },
    {
      ...{ profile, author: author.public, tracker: tracker.public, attempts: 3, deadlineMs: 60_000 },
      flashOf: () => norFlash({ geometry: profile.layout.geometry }),
    },
  );
  const reports: Uint8Array[] = [];
  const own = smallTracker(tracker, device.trust.deviceKey, manifest, reports);
  const upstream: Handler = async (asked) =>
    /^\/(?:manifests|payloads)\//.test(asked.path) ? server.handler(asked) : own(asked);
  const off = new AbortController();
  const steps: string[] = [];
  const surroundings = {
    ...{ upstream, origin: 'http://small.example', clock: systemClock, random, pollMs: 20 },
    loss: { request: 0, response: 0, chunk: 0 },
    onStep: (_: unknown, step: string) => {
      steps.push(step);
      if (step === 'reported' && steps.includes('confirmed')) off.abort(new Error('switched off'));
    },
  };
  const decision = await liveInFleet(device, surroundings, off.signal);
  assert.ok(decision.boot === 'slot' && decision.running.every(({ sequenceNumber }) => sequenceNumber === 2));
  assert.deepEqual(steps.slice(0, 5), [
    'manifest-validated',
    'fetching',
    'image-verified',
    'staged',
    'restarting',
  ]);
  const { report } = openReport(reports.at(-1) ?? new Uint8Array(), [device.trust.deviceKey.public]);
  const [, [, reported]] = report.reference;
  assert.deepEqual([hex(reported), report.result], [manifest, true]);
});
