/** What a release asks of devices, before anybody starts to roll it out. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Terms } from '../src/protocol.ts';
import { authors, signedRelease } from './manifest-fixtures.ts';
import { createWorld, inventoryOf, lampClass, testKey, vendor } from './world.ts';

const terms: Terms = { transports: ['http'], manifestVersions: [1], reachability: 'always' };

test('S4-14, S4-144: a dry run names devices that lack what a release asks for', async () => {
  const world = await createWorld({ authors });
  const release = signedRelease(2, false, { battery: 500, from: ['greater-or-equal', [1, 2]] });
  world.releases.set(String(release.digest), release);
  const [old] = inventoryOf(1).components;
  assert.ok(old);
  const device = async (id: string, version: string, battery?: number, told: Terms = terms) => {
    await world.tracker.desk.provision({ id, key: testKey(id).public, vendor, class: lampClass }, 'test');
    const left = battery === undefined ? {} : { batteryMilliwattHours: battery };
    const status = inventoryOf(1, { components: [{ ...old, version }], ...left });
    await world.device(id, { terms: told }).checkIn(status);
  };
  await device('fits', '1.2.0', 500);
  await device('in-words', 'nightly', 900);
  await device('old', '1.1.9', 900);
  await device('empty', '1.2.0', 499);
  await device('untold', '1.2.0');
  const run = await world.tracker.desk.dryRun(world.campaign('c1', 2, { manifestDigest: release.digest }));
  assert.equal(run.fitting, 2);
  assert.deepEqual(run.unfit, [
    { device: 'empty', because: 'its manifest asks for a battery with 500 mWh, and it has told of 499' },
    { device: 'old', because: 'its manifest asks for a version greater or equal 1.2, and it runs 1.1.9' },
    { device: 'untold', because: 'its manifest asks for a battery with 500 mWh, and it has told of 0' },
  ]);
});
