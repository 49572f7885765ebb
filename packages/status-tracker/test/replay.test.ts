/** Reports against the manifest that they are about: what the tracker believes, refuses and keeps. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Report, SuitRecord } from '@lapel/suit';
import { digestOf, failureResult, signReport } from '@lapel/suit';
import { bytesBody, readProblem, request } from '@lapel/transport';
import type { Replay } from '../src/server/store.ts';
import { authors, matched, signedRelease } from './manifest-fixtures.ts';
import type { World } from './world.ts';
import { createWorld } from './world.ts';

/** A lamp that has an offer of a real manifest, and what the tracker makes of its reports. */
async function offered(changes: Parameters<typeof createWorld>[0], release = signedRelease(2)) {
  const world = await createWorld({ authors, ...changes });
  world.releases.set(String(release.digest), release);
  const [lamp] = await world.lamps(1);
  await world.tracker.desk.start(world.campaign('c1', 2, { manifestDigest: release.digest }), 'test');
  await world.tracker.tick();
  const offer = await lamp?.client.poll();
  assert.ok(lamp && offer);
  const { nonce, uri, digest } = offer;
  const reference: Report['reference'] = [uri, digestOf({ algorithm: 'sha-256', bytes: digest })];
  const report = (records: readonly SuitRecord[], result: Report['result'] = true) =>
    post(world, signReport(lamp.key, { nonce, records, result, reference }));
  return { world, report };
}

async function post(world: World, signed: Uint8Array): Promise<string> {
  const response = await world.tracker.handler(request('POST', '/reports', { body: bytesBody(signed) }));
  if (response.status === 'changed') return response.status;
  return `${response.status}: ${(await readProblem(response)).detail}`;
}

const statusIn = async ({ store }: World) => (await store.member('c1'.repeat(16), 'lamp-0'))?.status;

async function replayIn({ store }: World): Promise<Replay | undefined> {
  const [last] = await store.evidence('lamp-0', 1);
  return last?.replay;
}

test('X-90: a report whose records its manifest has commands for counts', async () => {
  const { world, report } = await offered({});
  assert.equal(
    await report([matched], failureResult('invoke-pending', { ...matched, offset: 0 })),
    'changed',
  );
  assert.deepEqual(await replayIn(world), { end: 'plausible' });
  assert.equal(await statusIn(world), 'awaiting-confirmation');
  assert.equal(await report([matched]), 'changed');
  assert.equal(await statusIn(world), 'confirmed');
});

test('X-90: a report of a command that its manifest has not is refused and kept', async () => {
  const { world, report } = await offered({});
  const invented = { ...matched, offset: matched.offset + 1 };
  const place = `byte ${invented.offset} of section 20`;
  const refusal = `unprocessable: SUIT_Report: expected a command that is recorded at ${place}, found none`;
  assert.equal(await report([invented]), refusal);
  assert.equal(await report([invented]), refusal, 'told again, it is refused again');
  assert.equal((await replayIn(world))?.end, 'contradicted');
  assert.equal(await statusIn(world), 'offered');
  const { lastError } = (await world.store.device('lamp-0')) ?? {};
  assert.match(lastError ?? '', /^report contradicts manifest: SUIT_Report: /);
  assert.equal(await report([matched]), 'changed', 'its true word is still heard');
  assert.equal(await statusIn(world), 'confirmed');
});

test('X-90: where the tracker has no manifest to believe, the evidence says so', async () => {
  const { envelope: _, ...unseen } = signedRelease(2);
  for (const [changes, release, because] of [
    [{ authors: [] }, signedRelease(2), /no keys of authors/],
    [{}, unseen, /no envelope of manifest [0-9a-f]{64}$/],
    [{}, signedRelease(2, true), /lacks the sequence install/],
  ] as const) {
    const { world, report } = await offered(changes, release);
    assert.equal(await report([{ ...matched, offset: 99 }]), 'changed');
    const replay = await replayIn(world);
    assert.ok(replay?.end === 'not-replayed');
    assert.match(replay.because, because);
    assert.equal(await statusIn(world), 'confirmed');
  }
});
