/** How urgent a campaign is: judged once, as it is accepted, by whoever has a word on it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { StatusTrackerOptions } from '../src/index.ts';
import { createSqliteStore } from '../src/index.ts';
import type { Campaign } from '../src/protocol.ts';
import type { Told } from './manifest-fixtures.ts';
import { authors, signedRelease } from './manifest-fixtures.ts';
import type { World } from './world.ts';
import { createWorld, startMs } from './world.ts';

const day = 24 * 3_600_000;

interface Rolling {
  readonly world: World;
  start(id: string, sequenceNumber: number, told: Told, changes?: Partial<Campaign>): Promise<void>;
}

async function rolling(changes: Partial<StatusTrackerOptions> = {}): Promise<Rolling> {
  const world = await createWorld({ authors, ...changes });
  return {
    world,
    async start(id, sequenceNumber, told, given) {
      const release = signedRelease(sequenceNumber, false, told);
      world.releases.set(String(release.digest), release);
      const terms = { manifestDigest: release.digest, expires: startMs + 365 * day, ...given };
      await world.tracker.desk.start(world.campaign(id, sequenceNumber, terms), 'test');
    },
  };
}

const judgedOf = async ({ tracker }: World, id: string) =>
  (await tracker.desk.campaign(id.repeat(16))).judged;

test('S3-15, S3-40: a campaign is as urgent as the manifest says that it rolls out', async () => {
  const { world, start } = await rolling();
  await start('c1', 2, { priority: 0 });
  assert.deepEqual(await judgedOf(world, 'c1'), {
    urgency: 'critical',
    because: 'its manifest has update priority 0',
  });
  await start('c2', 3, { about: 'mends CVE-2026-12345' });
  assert.equal((await judgedOf(world, 'c2')).urgency, 'high');
});

test('S3-41: the version rolled out before tells a bug fix from what is new', async () => {
  const { world, start } = await rolling();
  await start('c1', 2, { version: '1.4.0' });
  assert.equal((await judgedOf(world, 'c1')).urgency, 'normal', 'nothing was before it');
  await start('c2', 3, { version: '1.4.1' });
  assert.match((await judgedOf(world, 'c2')).because, /change of the patch version/);
  await start('c3', 4, { version: '1.5.0' });
  assert.equal((await judgedOf(world, 'c3')).urgency, 'normal');
});

test('S3-41: what an operator has signed goes before manifest and strategies', async () => {
  const { world, start } = await rolling();
  await start('c1', 2, { priority: 0 }, { urgency: 'low' });
  assert.deepEqual(await judgedOf(world, 'c1'), {
    urgency: 'low',
    because: 'its operator has signed it so',
  });
});

test('S3-13: a device gets the bug fix first, though what can wait is newer', async () => {
  const { world, start } = await rolling();
  const [lamp] = await world.lamps(1);
  await start('c1', 3, { priority: 1000 });
  await start('c2', 2, { priority: 0 });
  await world.tracker.tick();
  const offer = await lamp?.client.poll();
  assert.equal(offer?.urgency, 'critical');
});

test('S3-03, S3-44: exposure is measured against the urgency’s deadline where none is signed', async () => {
  const { world, start } = await rolling();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await start('c1', 2, { priority: 0 });
  world.clock.pass(3 * day);
  const { proof } = await world.tracker.desk.patched('c1'.repeat(16));
  assert.equal(proof.deadlineMs, startMs + day);
  assert.equal(proof.exposedDeviceHours, 72);
  assert.equal(proof.lateDeviceHours, 48);
});

test('S3-15: what was judged once is kept behind a restart with other strategies', async () => {
  const store = createSqliteStore({ path: ':memory:' });
  const { world, start } = await rolling({ store });
  await start('c1', 2, { priority: 7 });
  const before = await judgedOf(world, 'c1');
  assert.equal(before.urgency, 'high');
  const other = { priorities: { critical: 9, high: 10, normal: 100 }, rules: [] };
  const after = await createWorld({ authors, store, urgency: other });
  assert.deepEqual(await judgedOf(after, 'c1'), before);
  await store.close();
});
