import assert from 'node:assert/strict';
import test from 'node:test';
import { hex } from '@lapel/cbor';
import { collect, request } from '@lapel/transport';
import { createMemoryStore } from '../src/index.ts';
import type { FleetStore } from '../src/index.ts';
import { read } from '@lapel/cbor';
import { PollAnswer } from '../src/protocol.ts';
import type { World } from './world.ts';
import { createWorld, digestFor, lampClass, testKey, vendor } from './world.ts';

/** A store that counts what is asked of it. */
function counted(): { store: FleetStore; asked: () => number } {
  const inner = createMemoryStore();
  let count = 0;
  const store = new Proxy(inner, {
    get(target, name, receiver) {
      count += 1;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { store, asked: () => count };
}

const poll = (world: World, device: string, token: Uint8Array, given: object = {}) =>
  world.tracker.handler(
    request('GET', `/offers/${device}`, { headers: { authorization: `Bearer ${hex(token)}` }, ...given }),
  );

async function tokenOf(world: World, id = 'lamp-0'): Promise<Uint8Array> {
  const { token } = await world.device(id).client.register();
  assert.ok(token);
  return token;
}

test('§16: a poll asks nothing of the store, whether there is news or not', async () => {
  const { store, asked } = counted();
  const world = await createWorld({ store });
  await world.lamps(1);
  const token = await tokenOf(world);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  const before = asked();
  const news = await poll(world, 'lamp-0', token);
  assert.equal(news.status, 'ok');
  assert.deepEqual(read(PollAnswer, await collect(news.body, 10_000)).offer?.digest, digestFor(2));
  const same = await poll(world, 'lamp-0', token, { ifNoneMatch: news.etag });
  assert.equal(same.status, 'valid');
  assert.equal(asked(), before);
  world.clock.pass(1_000);
  await poll(world, 'lamp-0', token);
  await world.tracker.tick();
  assert.equal((await world.store.device('lamp-0'))?.lastSeenMs, world.clock.wallMs(), 'written behind');
});

test('an unknown token is nobody, and a token is for its own device only', async () => {
  const world = await createWorld();
  await world.lamps(2);
  const token = await tokenOf(world);
  assert.equal((await poll(world, 'lamp-1', token)).status, 'forbidden');
  assert.equal((await poll(world, 'lamp-0', new Uint8Array(32))).status, 'unauthorized');
  assert.equal((await world.tracker.handler(request('GET', '/offers/lamp-0'))).status, 'unauthorized');
  const next = await tokenOf(world);
  assert.equal(
    (await poll(world, 'lamp-0', token)).status,
    'unauthorized',
    'a new session ends the one before',
  );
  assert.equal((await poll(world, 'lamp-0', next)).status, 'ok');
});

test('S2-08: an identity that goes on twice at once is frozen, and an operator frees it', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  const first = await tokenOf(world);
  const second = await tokenOf(world);
  assert.equal((await poll(world, 'lamp-0', first)).status, 'unauthorized');
  await new Promise(setImmediate);
  assert.equal((await world.store.device('lamp-0'))?.approval, 'approved', 'one poll may come late');
  world.clock.pass(60_000);
  assert.equal((await poll(world, 'lamp-0', first)).status, 'unauthorized');
  await new Promise(setImmediate);
  const { device, explanation } = await world.tracker.desk.device('lamp-0');
  assert.equal(device.approval, 'frozen');
  assert.match(explanation, /^lamp-0 is frozen until an operator approves it again: two of it/);
  await lamp?.checkIn();
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  assert.equal(await lamp?.client.poll(), undefined, 'it is offered nothing');
  assert.equal((await poll(world, 'lamp-0', second)).status, 'unauthorized');
  await world.tracker.desk.approve('lamp-0', 'operator');
  await world.tracker.tick();
  assert.ok(await lamp?.client.poll());
});

test('S4-132: a waiting poll is answered as soon as there is an offer, or when its time is up', async () => {
  const world = await createWorld();
  await world.lamps(1);
  const token = await tokenOf(world);
  const { etag } = await poll(world, 'lamp-0', token);
  const query = new Map([['waitMs', '20000']]);
  const idle = poll(world, 'lamp-0', token, { ifNoneMatch: etag, query });
  await new Promise(setImmediate);
  world.clock.pass(20_000);
  assert.equal((await idle).status, 'valid');
  const pushed = poll(world, 'lamp-0', token, { ifNoneMatch: etag, query });
  await new Promise(setImmediate);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  assert.equal((await pushed).status, 'ok');
  const bad = await poll(world, 'lamp-0', token, { query: new Map([['waitMs', '-1']]) });
  assert.equal(bad.status, 'bad-request');
});

test('no more polls wait than the limit allows, and one per device', async () => {
  const world = await createWorld({ limits: { waitersMax: 2, waitMsMax: 1_000 } });
  await world.lamps(3);
  const query = new Map([['waitMs', '999999']]);
  const wait = async (id: string) => {
    const token = await tokenOf(world, id);
    const { etag } = await poll(world, id, token);
    return { again: () => poll(world, id, token, { ifNoneMatch: etag, query }) };
  };
  const [a, b, c] = [await wait('lamp-0'), await wait('lamp-1'), await wait('lamp-2')];
  const waiting = [a.again(), b.again()];
  await new Promise(setImmediate);
  assert.equal((await c.again()).status, 'valid', 'the third is answered at once');
  world.clock.pass(1_000);
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    ['valid', 'valid'],
  );
  const first = a.again();
  await new Promise(setImmediate);
  const second = a.again();
  assert.equal((await first).status, 'valid', 'a newer poll takes its place');
  await world.tracker.close();
  assert.equal((await second).status, 'valid', 'a tracker that closes lets them go');
});

test('only a device that is pushed to gets the envelope with its offer (server-initiated)', async () => {
  const world = await createWorld();
  const modes = { polled: 'client-initiated', pushed: 'server-initiated' } as const;
  const devices = await Promise.all(
    Object.entries(modes).map(async ([id, updateMode]) => {
      await world.tracker.desk.provision({ id, key: testKey(id).public, vendor, class: lampClass }, 'test');
      const device = world.device(id, { updateMode });
      await device.checkIn();
      return device;
    }),
  );
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  const [polled, pushed] = await Promise.all(devices.map(({ client }) => client.poll()));
  assert.equal(polled?.envelope, undefined);
  assert.deepEqual(pushed?.envelope, new Uint8Array(100).fill(2));
  assert.notDeepEqual(polled?.nonce, pushed.nonce, 'each offer has a nonce of its own');
});

test('an offer is served no more after it has expired', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  const expires = world.clock.wallMs() + 30_000;
  await world.tracker.desk.start(world.campaign('c1', 2, { expires }), 'test');
  await world.tracker.tick();
  assert.ok(await lamp.client.poll());
  world.clock.pass(30_000);
  assert.equal(await lamp.client.poll(), undefined);
});

test('the newest desired state wins: a newer campaign replaces the offer of an older one', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  const first = await lamp.client.poll();
  world.clock.pass(1_000);
  await world.tracker.desk.start(world.campaign('c2', 3), 'test');
  await world.tracker.tick();
  const second = await lamp.client.poll();
  assert.ok(first && second);
  assert.deepEqual(second.digest, digestFor(3));
  assert.equal((await world.store.member('c1'.repeat(16), 'lamp-0'))?.status, 'superseded');
  await lamp.client.report(lamp.report(second, 'ok'));
  await world.tracker.tick();
  assert.equal((await world.tracker.desk.campaign('c2'.repeat(16))).state, 'completed');
});
