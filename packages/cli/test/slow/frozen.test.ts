/** A tracker that serves old state for ever, over HTTP, before a device whose clock a test moves. */

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { unhex, write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { Journal } from '@lapel/device';
import { deviceClass, vendor } from '@lapel/simulator';
import { NewestRelease } from '@lapel/status-tracker/protocol';
import type { Clock } from '@lapel/transport';
import { discard, systemClock } from '@lapel/transport';
import { lampIn } from '../house-device.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampImage, openHouseWorld } from '../house-world.ts';

const day = 86_400_000;

/** Holds for so long: time for many polls. */
function during(ms: number): () => Promise<boolean> {
  const until = performance.now() + ms;
  return async () => performance.now() < until;
}

const wordOf = (world: HouseWorld, manifest: string, sequenceNumber: number, days: number) => {
  const created = Date.now();
  const word = write(NewestRelease, {
    ...{ version: 1, vendor, class: deviceClass('lamp'), sequenceNumber, created },
    manifestDigest: unhex(manifest) ?? new Uint8Array(),
    expires: created + days * day,
  });
  return signAttached(world.operator, word);
};

async function tell(world: HouseWorld, signed: Uint8Array): Promise<void> {
  const answer = await world.send('POST', '/newest', signed);
  assert.equal(answer.status, 'created');
  await discard(answer.body);
}

test('freeze attacks: who is served old state for ever says since when, until a new word comes', async () => {
  const world = await openHouseWorld();
  let laterMs = 0;
  const clock: Clock = { ...systemClock, wallIsTrusted: true, wallMs: () => Date.now() + laterMs };
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const lamp = await lampIn(world, clock);
    const inventory = async () => (await world.house.store.device('lamp-1'))?.inventory;
    const explanation = async () => (await world.house.tracker.desk.device('lamp-1')).explanation;
    const known = () => Journal.open(lamp.device.flash, lamp.device.profile.layout.journal).bootRecord.newest;

    const oldest = wordOf(world, manifest, 2, 7);
    await tell(world, oldest);
    await lamp.liveWhile(async () => (await inventory())?.newestSequenceNumber !== 2);
    const first = known();
    assert.equal(first?.sequenceNumber, 2);
    assert.equal((await inventory())?.frozenSinceMs, undefined);

    laterMs = 7 * day - 60_000;
    await lamp.liveWhile(during(1_000));
    assert.ok(!lamp.steps.some(([step]) => step === 'may-be-frozen'), 'its last minute has not run out');
    laterMs = 7 * day + 1_000;
    await lamp.liveUntil('may-be-frozen');
    await lamp.liveWhile(async () => (await inventory())?.frozenSinceMs === undefined);
    assert.equal((await inventory())?.frozenSinceMs, first.expiresMs);
    assert.match(await explanation(), /It says that it may be kept in the past: since 20/);

    await tell(world, wordOf(world, manifest, 2, 30));
    await lamp.liveWhile(async () => (await inventory())?.frozenSinceMs !== undefined);
    const renewed = known();
    assert.ok(renewed !== undefined && renewed.createdMs > first.createdMs);
    assert.doesNotMatch(await explanation(), /kept in the past/);

    // Whoever holds the server hands out an older word again, just as it was signed.
    await world.restart(() => {
      const db = new DatabaseSync(world.house.folder.database);
      const text = 'UPDATE newest_release SET signed = ?, digest = ?';
      assert.equal(db.prepare(text).run(oldest, digest('sha-256', oldest)).changes, 1);
      db.close();
    });
    await lamp.liveUntil('may-be-frozen', 2);
    assert.match(lamp.steps.at(-1)?.[1] ?? '', /^expected a statement since 20.*, found one of 20/);
    assert.deepEqual(known(), renewed);
  } finally {
    await world.close();
  }
});
