import assert from 'node:assert/strict';
import test from 'node:test';
import { hex } from '@lapel/cbor';
import { Problem } from '@lapel/transport';
import type { FleetStore } from '../src/index.ts';
import { createMemoryStore } from '../src/index.ts';
import type { News } from '../src/server/news.ts';
import { createWorld, startMs } from './world.ts';

type World = Awaited<ReturnType<typeof createWorld>>;

const statuses = async ({ store }: World, id: string) => {
  const members = await store.members(id.repeat(16), undefined, { limit: 100 });
  return Object.fromEntries(members.map(({ device, status }) => [device, status]));
};

test('S2-02, S4-15: a device is offered an update, tells each state, and is confirmed', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  assert.equal(await lamp.client.poll(), undefined, 'nothing before the first round');
  await world.tracker.tick();
  assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': 'offered' });

  const offer = await lamp.client.poll();
  assert.ok(offer);
  assert.equal(offer.uri, '/manifests/2');
  assert.equal(offer.generation, 1);
  assert.deepEqual(await lamp.client.poll(), offer, 'an unchanged answer is the offer that we have');
  for (const state of ['fetching', 'installing', 'awaiting-confirmation'] as const) {
    await lamp.checkIn({ state, pending: offer.digest });
    assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': state });
  }
  await lamp.client.report(lamp.report(offer, 'ok'));
  assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': 'confirmed' });
  assert.equal(await lamp.client.poll(), undefined, 'what is confirmed is offered no more');
  await world.tracker.tick();
  assert.equal((await world.tracker.desk.campaign('c1'.repeat(16))).state, 'completed');
});

test('S2-09, S4-82: after forced failures, the sets of confirmed, failed and waiting are exact', async () => {
  const world = await createWorld();
  const lamps = await world.lamps(6);
  await world.tracker.desk.start(world.campaign('c1', 2, { inFlightMax: 4, failureRateMax: 1000 }), 'test');
  await world.tracker.tick();
  const failing = new Set(['lamp-1', 'lamp-4']);
  let offered = 0;
  for (const lamp of lamps) {
    const offer = await lamp.client.poll();
    if (offer === undefined) continue;
    offered += 1;
    await lamp.client.report(lamp.report(offer, failing.has(lamp.id) ? 'condition-failed' : 'ok'));
  }
  assert.equal(offered, 4, 'no more than the policy has in flight');
  const found = await statuses(world, 'c1');
  for (const [id, status] of Object.entries(found)) {
    assert.ok(
      status === 'waiting' || status === (failing.has(id) ? 'failed' : 'confirmed'),
      `${id} is ${status}`,
    );
  }
  for (const status of ['waiting', 'confirmed', 'failed'] as const) {
    const members = await world.store.members('c1'.repeat(16), status, { limit: 100 });
    const expected = Object.keys(found).filter((id) => found[id] === status);
    assert.deepEqual(
      members.map(({ device }) => device),
      expected,
    );
  }
  assert.equal((await world.store.members('c1'.repeat(16), 'waiting', { limit: 100 })).length, 2);
});

/** One lamp, with what it is offered. */
async function offered(world: World) {
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  const offer = await lamp.client.poll();
  assert.ok(offer);
  return { lamp, offer };
}

test('S2-08: the tracker knows of every device its version, state, last contact and last error', async () => {
  const world = await createWorld();
  const { lamp, offer } = await offered(world);
  world.clock.pass(5_000);
  await lamp.client.report(lamp.report(offer, 'condition-failed'));
  const device = await world.store.device('lamp-0');
  assert.equal(device?.inventory?.components[0]?.version, '1.0.1');
  assert.equal(device.inventory.state, 'idle');
  assert.equal(device.lastSeenMs, world.clock.wallMs());
  assert.equal(device.lastError, 'condition-failed');
});

test('a restarted tracker serves the offers that were out under the nonces that they had', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  const before = await lamp.client.poll();
  await world.restart();
  const after = await lamp.client.poll();
  assert.ok(before && after);
  assert.equal(hex(after.nonce), hex(before.nonce));
  await lamp.client.report(lamp.report(before, 'ok'));
  assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': 'confirmed' });
});

test('a device that registers after the campaign began joins it', async () => {
  const world = await createWorld();
  const [first] = await world.lamps(1);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  await first?.update();
  await world.tracker.tick();
  assert.equal((await world.tracker.desk.campaign('c1'.repeat(16))).state, 'completed');
  const late = world.device('late');
  await late.checkIn();
  await world.tracker.tick();
  assert.equal(await late.client.poll(), undefined, 'an unknown device waits for approval');
  await world.tracker.desk.approve('late', 'test');
  await world.tracker.tick();
  assert.equal((await world.tracker.desk.campaign('c1'.repeat(16))).state, 'running');
  await late.update();
  assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': 'confirmed', late: 'confirmed' });
});

test('S2-08: with the disk full last contacts wait, and none of them is lost', async () => {
  const kept = createMemoryStore();
  let isFull = false;
  const store: FleetStore = {
    ...kept,
    async recordSeen(batch) {
      if (isFull) throw new Problem('storage-full', 'expected room, found none');
      return kept.recordSeen(batch);
    },
  };
  const world = await createWorld({ store });
  const [lamp, other] = await world.lamps(2);
  assert.ok(lamp && other);
  await world.tracker.tick();
  isFull = true;
  world.clock.pass(5);
  await lamp.client.poll();
  await assert.rejects(world.tracker.tick(), { code: 'storage-full' });
  world.clock.pass(5);
  await other.client.poll();
  await assert.rejects(world.tracker.tick(), { code: 'storage-full' });
  isFull = false;
  await world.tracker.tick();
  const seen = await Promise.all(
    ['lamp-0', 'lamp-1'].map(async (id) => (await store.device(id))?.lastSeenMs),
  );
  assert.deepEqual(seen, [startMs + 5, startMs + 10]);
});

test('a tracker that could not follow the others reads all anew as soon as the store answers', async () => {
  const kept = createMemoryStore();
  let take: (news: readonly News[]) => void = () => undefined;
  let isAway = false;
  const store: FleetStore = {
    ...kept,
    async follow(told) {
      take = told;
      return async () => undefined;
    },
    async sessions(device) {
      if (isAway) throw new Problem('unavailable', 'expected the database, found it away');
      return kept.sessions(device);
    },
  };
  const one = await createWorld({ store: kept });
  const [lamp] = await one.lamps(1);
  assert.ok(lamp);
  await one.tracker.desk.start(one.campaign('c1', 2), 'test');
  await one.tracker.tick();
  const other = await createWorld({ store, name: 'the other' });
  const first = one.tracker;
  one.tracker = other.tracker;
  assert.ok(await lamp.client.poll(), 'it serves what is out');
  await first.desk.order('c1'.repeat(16), one.order('c1', 1, 'abort'), 'test');
  assert.ok(await lamp.client.poll(), 'it has not heard');
  isAway = true;
  take([{ kind: 'missed' }]);
  await assert.rejects(other.tracker.tick(), { code: 'unavailable' });
  isAway = false;
  await other.tracker.tick();
  assert.equal(await lamp.client.poll(), undefined, 'nor does an offer of a campaign that is over stay');
});

for (const read of [1, 2]) {
  test(`S2-02: what is confirmed while an order is followed is not served again, read ${read}`, async () => {
    const store = createMemoryStore();
    let [left, goOn] = [Infinity, (): void => undefined];
    const reached = Promise.withResolvers<void>();
    const slow: FleetStore = {
      ...store,
      async liveOffers(of) {
        const found = await store.liveOffers(of);
        left -= 1;
        if (left !== 0) return found;
        // What was read is old by the time it comes.
        return new Promise((resolve) => {
          goOn = () => resolve(found);
          reached.resolve();
        });
      },
    };
    const world = await createWorld({ store: slow });
    const { lamp, offer } = await offered(world);
    await world.tracker.desk.order('c1'.repeat(16), world.order('c1', 1, 'pause'), 'test');
    left = read;
    const order = world.tracker.desk.order('c1'.repeat(16), world.order('c1', 2, 'resume'), 'test');
    await Promise.race([reached.promise, order]);
    await lamp.client.report(lamp.report(offer, 'ok'));
    goOn();
    await order;
    assert.deepEqual(await statuses(world, 'c1'), { 'lamp-0': 'confirmed' });
    assert.equal(await lamp.client.poll(), undefined);
  });
}
