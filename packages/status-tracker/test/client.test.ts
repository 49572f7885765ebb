import assert from 'node:assert/strict';
import test from 'node:test';
import { read, write } from '@lapel/cbor';
import { openSigned, peekSigned, signAttached } from '@lapel/cose';
import type { Handler, Response } from '@lapel/transport';
import { TransportError, bytesBody, collect, emptyBody, httpClient, serveHttp } from '@lapel/transport';
import { Receipt } from '../src/protocol.ts';
import type { World } from './world.ts';
import { createWorld, lampClass, testKey, vendor } from './world.ts';

/** A provisioned lamp behind whatever stands between it and the tracker. */
async function lampBehind(world: World, between: (tracker: Handler) => Handler) {
  await world.tracker.desk.provision(
    { id: 'lamp-1', key: testKey('lamp-1').public, vendor, class: lampClass },
    'test',
  );
  return world.device('lamp-1', { handler: between((asked) => world.tracker.handler(asked)) });
}

const kindOf = async (doing: Promise<unknown>): Promise<string> => {
  try {
    await doing;
    return 'none';
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return `${error.kind}: ${error.message}`;
  }
};

/** Opens the receipt in an answer and lets a test change it. */
const changing =
  (path: string, change: (receipt: Receipt) => Uint8Array) =>
  (tracker: Handler): Handler =>
  async (asked) => {
    const response = await tracker(asked);
    if (asked.path !== path) return response;
    const { payload } = peekSigned(await collect(response.body, 10_000));
    const bytes = change(read(Receipt, payload));
    return { ...response, size: bytes.length, body: bytesBody(bytes) };
  };

const sealed = (key: string, receipt: Receipt) => signAttached(testKey(key), write(Receipt, receipt));

test('§16: only a receipt of the tracker on this very message may confirm a trial', async () => {
  const forgeries: readonly (readonly [string, (receipt: Receipt) => Uint8Array, RegExp])[] = [
    ['another key', (receipt) => sealed('impostor', receipt), /^refused: receipt: expected a trusted key/],
    [
      'another nonce',
      (receipt) => sealed('tracker', { ...receipt, nonce: new Uint8Array(16) }),
      /^refused: expected the answer to our own message, found another receipt$/,
    ],
    [
      'another device',
      (receipt) => sealed('tracker', { ...receipt, device: 'lamp-2' }),
      /^refused: expected the answer/,
    ],
    ['no receipt', () => signAttached(testKey('tracker'), new Uint8Array([0xf6])), /^malformed: receipt: /],
    ['no COSE', () => new Uint8Array(10), /^refused: receipt: COSE_Sign1/],
    ['too much', () => new Uint8Array(20_000), /^malformed: expected a body of at most 16384 bytes/],
  ];
  for (const [name, forge, expected] of forgeries) {
    const world = await createWorld();
    const lamp = await lampBehind(world, changing('/check-in', forge));
    assert.match(await kindOf(lamp.checkIn()), expected, name);
    const other = await lampBehind(world, changing('/register', forge));
    assert.match(await kindOf(other.client.register()), expected, `${name}, registering`);
  }
});

test('RFC 9019 §9: the receipt of a registration asks what the device runs', async () => {
  const world = await createWorld();
  let encoded = new Uint8Array();
  const lamp = await lampBehind(world, (tracker) => async (asked) => {
    const response = await tracker(asked);
    if (asked.path !== '/register') return response;
    encoded = new Uint8Array(await collect(response.body, 10_000));
    return { ...response, body: bytesBody(encoded) };
  });
  const receipt = await lamp.client.register();
  assert.equal(receipt.query, true);
  assert.equal(receipt.wallMs, world.clock.wallMs());
  assert.ok(openSigned(encoded, [testKey('tracker').public]));
});

test('a session that the tracker has forgotten is made anew, once', async () => {
  const world = await createWorld();
  const paths: string[] = [];
  const lamp = await lampBehind(world, (tracker) => async (asked) => {
    paths.push(`${asked.method} ${asked.path}`);
    return tracker(asked);
  });
  await lamp.checkIn();
  await world.device('lamp-1').client.register();
  paths.length = 0;
  assert.equal(await lamp.client.poll(), undefined);
  assert.deepEqual(paths, [
    'GET /offers/lamp-1',
    'GET /challenges/lamp-1',
    'POST /register',
    'GET /offers/lamp-1',
  ]);
});

test('a tracker that never knows us is asked for two sessions and no more', async () => {
  const world = await createWorld();
  let polls = 0;
  const lamp = await lampBehind(world, (tracker) => async (asked) => {
    if (!asked.path.startsWith('/offers')) return tracker(asked);
    polls += 1;
    return { status: 'unauthorized', body: emptyBody };
  });
  assert.match(await kindOf(lamp.client.poll()), /^refused: /);
  assert.equal(polls, 2);
});

test('a refusal is told apart from a server that can not answer now', async () => {
  const statuses: readonly (readonly [Response['status'], string])[] = [
    ['conflict', 'refused'],
    ['forbidden', 'refused'],
    ['too-many-requests', 'no-answer'],
    ['unavailable', 'no-answer'],
    ['storage-full', 'no-answer'],
    ['internal-error', 'no-answer'],
  ];
  for (const [status, kind] of statuses) {
    const world = await createWorld();
    const lamp = await lampBehind(world, () => async () => ({ status, body: emptyBody }));
    assert.match(await kindOf(lamp.client.register()), new RegExp(`^${kind}: `), status);
  }
});

test('an exchange without an answer ends after its time, and a broken offer is asked for again', async () => {
  const world = await createWorld();
  let isDeaf = true;
  const lamp = await lampBehind(
    world,
    (tracker) => (asked) => (isDeaf ? new Promise(() => undefined) : tracker(asked)),
  );
  const asking = kindOf(lamp.client.register());
  world.clock.pass(30_000);
  assert.equal(await asking, 'no-answer: expected an answer within 30000 ms, found none');
  isDeaf = false;
  await lamp.checkIn();
  assert.equal(world.clock.sleeping, 0, 'no timer is left behind');

  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  let isBroken = true;
  const cut = await lampBehind(world, (tracker) => async (asked) => {
    const response = await tracker(asked);
    if (!asked.path.startsWith('/offers') || !isBroken) return response;
    isBroken = false;
    return { ...response, body: bytesBody(new Uint8Array([0xa1])) };
  });
  assert.match(await kindOf(cut.client.poll()), /^malformed: answer to a poll: /);
  assert.ok(await cut.client.poll());
});

test('S4-132: the whole cycle works over HTTP', async (context) => {
  const world = await createWorld();
  const server = await serveHttp((asked) => world.tracker.handler(asked), { port: 0, onBug: assert.ifError });
  context.after(() => server.close(0));
  const lamp = await lampBehind(world, () => httpClient(server.url));
  await lamp.checkIn();
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  await lamp.update();
  assert.equal((await world.store.totals('c1'.repeat(16))).confirmed, 1);
  assert.equal(await lamp.client.poll(), undefined);
  assert.equal(await lamp.client.poll(), undefined);
});
