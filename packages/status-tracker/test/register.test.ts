import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { encodeVerificationKey, signAttached } from '@lapel/cose';
import type { SigningKey } from '@lapel/cose';
import { bytesBody, collect, readProblem, request } from '@lapel/transport';
import { Registration } from '../src/protocol.ts';
import { pendingMax } from '../src/server/enrolment/admit.ts';
import { challengeMsMax } from '../src/server/challenges.ts';
import type { World } from './world.ts';
import { createWorld, lampClass, otherClass, startMs, testKey, vendor } from './world.ts';

async function challengeFor(world: World, device: string): Promise<Uint8Array> {
  const response = await world.tracker.handler(request('GET', `/challenges/${device}`));
  return collect(response.body, 64);
}

const registration = (
  device: string,
  challenge: Uint8Array,
  {
    key = testKey(device),
    signer = key,
    product = lampClass,
  }: {
    key?: SigningKey;
    signer?: SigningKey;
    product?: Uint8Array;
  } = {},
): Uint8Array =>
  signAttached(
    signer,
    write(Registration, {
      version: 1,
      device,
      challenge,
      key: encodeVerificationKey(key.public),
      vendor,
      class: product,
      updateMode: 'client-initiated',
      nonce: new Uint8Array(16),
    }),
  );

/** The status, and what is wrong. */
async function post(world: World, body: Uint8Array): Promise<string> {
  const response = await world.tracker.handler(request('POST', '/register', { body: bytesBody(body) }));
  return response.status === 'created'
    ? 'created'
    : `${response.status}: ${(await readProblem(response)).detail}`;
}

const provision = (world: World, id: string, key = testKey(id)) =>
  world.tracker.desk.provision({ id, key: key.public, vendor, class: lampClass }, 'test');

test('a device that proves its key registers; a clone with another key is refused and audited', async () => {
  const world = await createWorld();
  await provision(world, 'lamp-1');
  assert.equal(await post(world, registration('lamp-1', await challengeFor(world, 'lamp-1'))), 'created');
  const clone = registration('lamp-1', await challengeFor(world, 'lamp-1'), { key: testKey('clone') });
  assert.match(
    await post(world, clone),
    /^conflict: expected the key that this id is registered with, found key /,
  );
  const [entry] = await world.store.audit(1);
  assert.equal(entry?.act, 'registration refused');
  assert.equal(entry.subject, 'lamp-1');
  assert.match(entry.detail ?? '', /found key [0-9a-f]{64}$/);
});

test('a known key under another id is refused: a copied key is noticed', async () => {
  const world = await createWorld();
  await provision(world, 'lamp-1');
  const twin = registration('lamp-2', await challengeFor(world, 'lamp-2'), { key: testKey('lamp-1') });
  assert.match(
    await post(world, twin),
    /^conflict: expected a key of its own, found key .* which another id has$/,
  );
  assert.equal(await world.store.device('lamp-2'), undefined);
});

test('a device of another class than it was provisioned with is refused', async () => {
  const world = await createWorld();
  await provision(world, 'lamp-1');
  const other = registration('lamp-1', await challengeFor(world, 'lamp-1'), { product: otherClass });
  assert.match(await post(world, other), /^conflict: expected class 0101.*, found 0202/);
});

test('a registration that its key has not signed is refused', async () => {
  const world = await createWorld();
  await provision(world, 'lamp-1');
  const challenge = await challengeFor(world, 'lamp-1');
  const forged = registration('lamp-1', challenge, { signer: testKey('somebody else') });
  assert.match(await post(world, forged), /^forbidden: registration: expected a trusted key/);
  const bytes = registration('lamp-1', challenge);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  assert.match(await post(world, bytes), /^forbidden: registration: expected a signature of a trusted key/);
  assert.equal(
    await post(world, registration('lamp-1', challenge)),
    'created',
    'the challenge is not used up',
  );
});

test('a challenge is for one device, one use and two minutes', async () => {
  const world = await createWorld();
  const challenge = await challengeFor(world, 'lamp-1');
  assert.match(
    await post(world, registration('lamp-2', challenge)),
    /^forbidden: expected a challenge .* found another/,
  );
  const replayed = registration('lamp-1', challenge);
  assert.equal(await post(world, replayed), 'created');
  assert.match(await post(world, replayed), /found one that was used$/);
  world.clock.setBack(-2 * challengeMsMax);
  assert.equal(await post(world, registration('lamp-2', await challengeFor(world, 'lamp-2'))), 'created');
  world.clock.setBack(2 * challengeMsMax);
  assert.match(await post(world, replayed), /found one that was used$/, 'whatever is done to the clock');
  const old = await challengeFor(world, 'lamp-1');
  world.clock.pass(challengeMsMax + 1);
  assert.match(await post(world, registration('lamp-1', old)), /found one made 120001 ms ago$/);
  const invented = registration('lamp-1', new Uint8Array(48));
  assert.match(await post(world, invented), /^forbidden: expected a challenge .* found another/);
  const fresh = await challengeFor(world, 'lamp-1');
  await world.restart();
  assert.match(
    await post(world, registration('lamp-1', fresh)),
    /found another$/,
    'a restart forgets its secret',
  );
});

test('S2-08: of a registration that comes several times at once, one is taken', async () => {
  const world = await createWorld();
  const signed = registration('lamp-1', await challengeFor(world, 'lamp-1'));
  const ends = await Promise.all(Array.from({ length: 8 }, async () => post(world, signed)));
  assert.deepEqual(
    ends.filter((end) => end === 'created'),
    ['created'],
  );
  const refused = ends.filter((end) => end.endsWith('found one that was used'));
  assert.equal(refused.length, ends.length - 1);
});

test('who invents devices fills the waiting list, not the store', async () => {
  const world = await createWorld();
  const waiting = Array.from({ length: pendingMax }, (_, index) => {
    const { kid } = testKey(`invented-${index}`);
    const publicKey = new Uint8Array(kid);
    return {
      id: `invented-${index}`,
      publicKey,
      kid,
      vendor,
      class: lampClass,
      approval: 'pending',
    } as const;
  });
  await world.store.addDevices(waiting, { actor: 'test', atMs: startMs });
  const more = registration('one-more', await challengeFor(world, 'one-more'));
  assert.match(await post(world, more), /^too-many-requests: expected fewer than 1000 devices/);
  await provision(world, 'lamp-1');
  assert.equal(await post(world, registration('lamp-1', await challengeFor(world, 'lamp-1'))), 'created');
});

test('what is no registration is refused with what was expected and found', async () => {
  const world = await createWorld();
  assert.match(await post(world, new Uint8Array()), /^bad-request: registration: COSE_Sign1: /);
  assert.match(
    await post(world, new Uint8Array(20_000)),
    /^too-large: expected a body of at most 16384 bytes/,
  );
  const wrongKind = signAttached(testKey('lamp-1'), new Uint8Array([0xa0]));
  assert.match(
    await post(world, wrongKind),
    /^bad-request: registration: expected key 1 \(version\), found none/,
  );
  const response = await world.tracker.handler(request('GET', '/challenges/..%2fx'));
  assert.equal(response.status, 'bad-request');
});
