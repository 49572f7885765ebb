import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import { Campaign } from '../src/protocol.ts';
import type { Release } from '../src/index.ts';
import { campaignOf, createWorld, digestFor, otherClass, releaseOf, startMs, testKey } from './world.ts';

test('S4-133: a campaign must be current, sensible, and about a manifest that is known', async () => {
  const day = 86_400_000;
  const refusals: readonly (readonly [Partial<Campaign>, RegExp])[] = [
    [
      { expires: startMs },
      /^unprocessable: expected an expiry in the future, found 2026-01-01T00:00:00.000Z$/,
    ],
    [{ created: startMs + day }, /^unprocessable: expected a creation in the past, found 2026-01-02/],
    [{ expires: startMs + 400 * day }, /^unprocessable: expected a lifetime of at most/],
    [{ waves: [500] }, /expected waves that rise to 1000 thousandths, found 500$/],
    [{ waves: [500, 400, 1000] }, /expected waves that rise to 1000 thousandths, found 500, 400, 1000$/],
    [{ waves: [0, 1000] }, /expected waves that rise/],
    [{ inFlightMax: 0 }, /expected at least 1 device in flight, found 0$/],
    [{ failureRateMax: 1001 }, /expected a failure rate of at most 1000 thousandths, found 1001$/],
    [{ silenceMsMax: 10 }, /expected a silence of at least 1000 ms, found 10$/],
    [
      { manifestDigest: digestFor(9) },
      /^unprocessable: expected the digest of a known manifest, found [0-9a-f]{64}$/,
    ],
    [{ class: otherClass }, /expected the manifest's class 0101.*, found 0202/],
    [{ vendor: otherClass }, /expected the manifest's vendor aaaa.*, found 0202/],
  ];
  const world = await createWorld();
  for (const [changes, expected] of refusals) {
    await assert.rejects(world.tracker.desk.start(world.campaign('c1', 2, changes), 'test'), told(expected));
  }
  assert.deepEqual(await world.store.campaigns(10), []);
});

const told = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error && 'code' in error);
  assert.match(`${String(error.code)}: ${error.message}`, expected);
  return true;
};

test('RFC 9019 §3: what an author has uploaded and no operator has released is not offered', async () => {
  const world = await createWorld();
  const unreleased: Release = releaseOf(2, { released: false });
  world.releases.set(String(unreleased.digest), unreleased);
  const started = world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await assert.rejects(
    started,
    told(/^conflict: expected a manifest that an operator has released, found .* which is not$/),
  );
});

test('a campaign that no operator has signed, or that was changed after, is refused', async () => {
  const world = await createWorld();
  const forged = signAttached(testKey('author'), write(Campaign, campaignOf('c1', 2, startMs)));
  await assert.rejects(
    world.tracker.desk.start(forged, 'test'),
    told(/^forbidden: campaign, signed by an operator: /),
  );
  const signed = world.campaign('c1', 2);
  for (const at of [20, 60, signed.length - 1]) {
    const flipped = signed.with(at, (signed[at] ?? 0) ^ 1);
    await assert.rejects(
      world.tracker.desk.start(flipped, 'test'),
      told(/^(forbidden|bad-request): campaign/),
    );
  }
});

test('bringing a campaign twice starts it once; another one under its id is refused', async () => {
  const world = await createWorld();
  const signed = world.campaign('c1', 2);
  const view = await world.tracker.desk.start(signed, 'test');
  await world.tracker.desk.order(view.id, world.order('c1', 1, 'abort'), 'test');
  assert.equal(
    (await world.tracker.desk.start(signed, 'test')).state,
    'aborted',
    'an old campaign does not come back',
  );
  const other = world.campaign('c1', 2, { inFlightMax: 7 });
  await assert.rejects(
    world.tracker.desk.start(other, 'test'),
    told(/^conflict: expected an id that no campaign has/),
  );
});
