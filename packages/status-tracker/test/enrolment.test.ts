import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { httpClient, serveHttp } from '@lapel/transport';
import type { TrackerClientOptions } from '../src/client/client.ts';
import type { EnrolmentToken } from '../src/server/enrolment/enrolment-store.ts';
import { pendingMax, strangerSilenceMsMax } from '../src/server/enrolment/admit.ts';
import { guessesMax } from '../src/server/enrolment/enrolment-tokens.ts';
import { toldMax } from '../src/server/enrolment/refusals.ts';
import type { World } from './world.ts';
import { createWorld, lampClass, otherClass, startMs, testKey, vendor } from './world.ts';
import { deviceCertificate, middle, middleCertificate, rootCertificate } from './certificates.ts';
import { acme, registered } from './enrolment-fixtures.ts';
import { newDevice } from './fleet-fixtures.ts';

const lineTerms = { name: 'line', vendor, class: lampClass, uses: 2, expiresMs: startMs + 3_600_000 };

const madeToken = async (world: World, changes: Partial<EnrolmentToken> = {}) =>
  world.tracker.desk.makeEnrolmentToken({ ...lineTerms, ...changes }, 'anna');

/** The way to a tracker over a socket. */
async function overHttp(context: TestContext, world: World) {
  const server = await serveHttp((asked) => world.tracker.handler(asked), { port: 0, onBug });
  context.after(() => server.close());
  return httpClient(server.url);
}

function onBug(error: unknown): never {
  throw error;
}

test('S2-08, S4-58: over HTTP, a device of a known manufacturer is let in, and updated', async (context) => {
  const world = await createWorld();
  const handler = await overHttp(context, world);
  const certificates = [deviceCertificate('lamp-1', { issuer: middle }), middleCertificate()];
  const refused = await registered(world, 'lamp-1', { handler, certificates });
  assert.match(refused, /expected a manufacturer of vendor aaaa.* that an operator has enrolled, found/);
  await world.tracker.desk.addManufacturer(acme, 'anna');
  const lamp = world.device('lamp-1', { handler, certificates });
  await lamp.checkIn();
  const device = await world.store.device('lamp-1');
  assert.deepEqual(device?.admission, { by: 'manufacturer', name: 'acme', serial: '0a01' });
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  await lamp.update();
  assert.equal((await world.store.totals('c1'.repeat(16))).confirmed, 1);
});

test('S2-08: a certificate that an operator revokes freezes its device and lets no other in', async () => {
  const world = await createWorld();
  await world.tracker.desk.addManufacturer(acme, 'anna');
  const certificates = [deviceCertificate('lamp-1')];
  assert.equal(await registered(world, 'lamp-1', { certificates }), 'approved');
  const told: string[] = [];
  world.tracker.watch.follow(({ id, state }) => told.push(`${id} ${state}`));
  assert.deepEqual(await world.tracker.desk.revokeCertificates('acme', ['0A:01'], 'anna'), ['lamp-1']);
  assert.deepEqual(told, ['lamp-1 frozen'], 'whoever watches is told');
  assert.equal(await registered(world, 'lamp-1', { certificates }), 'frozen');
  const twin = [deviceCertificate('lamp-2', { serial: '0a01' })];
  assert.match(
    await registered(world, 'lamp-2', { certificates: twin }),
    /expected a certificate that is not revoked/,
  );
  await world.tracker.desk.removeManufacturer('acme', 'anna');
  const other = [deviceCertificate('lamp-3', { serial: '03' })];
  assert.match(
    await registered(world, 'lamp-3', { certificates: other }),
    /expected a manufacturer of vendor/,
  );
  await assert.rejects(
    world.tracker.desk.removeManufacturer('acme', 'anna'),
    /expected the name of a manufacturer, found acme/,
  );
  await assert.rejects(
    world.tracker.desk.revokeCertificates('acme', ['01'], 'anna'),
    /expected the name of a manufacturer/,
  );
});

test('S2-08: only the valid certificate of a CA is enrolled, and each key once', async () => {
  const { tracker } = await createWorld();
  const add = async (certificate: Uint8Array, name = 'best') =>
    tracker.desk.addManufacturer({ ...acme, name, certificate }, 'anna');
  await assert.rejects(add(deviceCertificate('lamp-1')), /expected the certificate of a CA, found CN=lamp-1/);
  await assert.rejects(add(new Uint8Array(9)), { code: 'bad-request' });
  const ended = rootCertificate({ notAfterMs: startMs - 1000 });
  await assert.rejects(
    add(ended),
    /expected a certificate that is valid, found one that ended at 2025-12-31/,
  );
  await add(rootCertificate());
  await assert.rejects(add(middleCertificate()), /expected a name that no manufacturer has yet, found best/);
  await assert.rejects(
    add(rootCertificate({ serial: '07' }), 'acme'),
    /expected a key that no manufacturer has yet, found that of best/,
  );
});

test('S2-08: a token lets in as many devices of its class as it has uses, over HTTP', async (context) => {
  const world = await createWorld();
  const handler = await overHttp(context, world);
  const enrolmentToken = await madeToken(world);
  const lock = { handler, enrolmentToken, class: otherClass };
  assert.match(
    await registered(world, 'lock-1', lock),
    /expected a device of vendor aaaa.*, class 0101.*, found vendor aaaa.*, class 0202/,
  );
  const given = { handler, enrolmentToken };
  assert.equal(await registered(world, 'lamp-1', given), 'approved');
  assert.equal(await registered(world, 'lamp-1', given), 'approved', 'it starts again, at no cost');
  assert.equal(await registered(world, 'lamp-2', given), 'approved');
  assert.match(
    await registered(world, 'lamp-3', given),
    /enrolment token: expected one with a use left, found all 2 used/,
  );
  assert.deepEqual(
    (await world.store.enrolmentTokens()).map(({ used }) => used),
    [2],
  );
  const kept = JSON.stringify(await world.store.enrolmentTokens());
  assert.ok(!kept.includes(JSON.stringify(enrolmentToken)), 'the token itself is kept by nobody');
});

test('S2-08: a token that expired or was revoked lets nobody in', async () => {
  const world = await createWorld();
  const enrolmentToken = await madeToken(world);
  world.clock.pass(3_600_000);
  assert.match(
    await registered(world, 'lamp-1', { enrolmentToken }),
    /found one that expired at 2026-01-01T01:00:00/,
  );
  const next = await madeToken(world, { name: 'next', expiresMs: startMs + 7_200_000 });
  await world.tracker.desk.revokeEnrolmentToken('next', 'anna');
  assert.match(
    await registered(world, 'lamp-1', { enrolmentToken: next }),
    /expected one that is valid here, found another/,
  );
  await assert.rejects(world.tracker.desk.revokeEnrolmentToken('next', 'anna'), { code: 'not-found' });
  await assert.rejects(madeToken(world), /expected an end within a year from now, found 2026-01-01T01:00:00/);
});

test('S2-08: whoever guesses at a token has few guesses a minute, and learns nothing', async () => {
  const world = await createWorld();
  const right = await madeToken(world);
  const wrong = right.map((byte, at) => (at === 31 ? byte ^ 1 : byte));
  const unheard = right.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
  const guess = async (enrolmentToken: Uint8Array) => registered(world, 'lamp-1', { enrolmentToken });
  const words = await guess(wrong);
  assert.match(words, /expected one that is valid here, found another/);
  assert.equal(await guess(unheard), words, 'the same for a token that there is not');
  for (let count = 1; count < guessesMax; count++) await guess(wrong);
  assert.match(await guess(right), /expected at most 10 wrong tokens a minute, found more/);
  world.clock.pass(60_000);
  assert.equal(await guess(right), 'approved');
});

test('S2-08: a device that waits is let in by a token that it brings later', async () => {
  const world = await createWorld();
  assert.equal(await registered(world, 'lamp-1'), 'pending');
  assert.equal(await registered(world, 'lamp-1', { enrolmentToken: await madeToken(world) }), 'approved');
  const [told] = await world.store.audit(1);
  assert.equal(
    `${told?.subject} ${told?.act}: ${told?.detail}`,
    'lamp-1 device approved: by the enrolment token line',
  );
});

test('S2-08: thousands of forged registrations push out nobody who lives, and fill nothing', async () => {
  const world = await createWorld();
  // An honest one that waits, and lives.
  const honest = world.device('honest');
  await honest.checkIn();
  const { store, clock, tracker } = world;
  const forge = async (count: number, from: number) => {
    for (let at = from; at < from + count; at++) {
      const { id, publicKey, kid } = newDevice(`forged-${at}`, {});
      const silentBeforeMs = clock.wallMs() - strangerSilenceMsMax;
      const way = { by: 'approval', waitingMax: pendingMax, silentBeforeMs } as const;
      const device = { id, publicKey, kid, vendor, class: lampClass };
      await store.enrol(device, way, { actor: id, atMs: clock.wallMs() });
    }
  };
  await forge(pendingMax + 500, 0);
  const waiting = async () =>
    (await store.devices({ limit: 9_999, approval: 'pending' })).map(({ id }) => id);
  assert.equal((await waiting()).length, pendingMax);
  assert.match(await registered(world, 'late'), /expected fewer than 1000 devices that wait for approval/);
  // Known devices are none of the flood's business; nor are those that bring something.
  assert.equal(await registered(world, 'lamp-1', { enrolmentToken: await madeToken(world) }), 'approved');
  clock.pass(strangerSilenceMsMax);
  await honest.client.poll();
  await tracker.tick();
  clock.pass(60_000);
  assert.equal(await registered(world, 'late'), 'pending', 'who is not heard of makes room');
  await forge(pendingMax * 2, 10_000);
  const left = await waiting();
  assert.equal(left.length, pendingMax);
  assert.ok(left.includes('honest') && left.includes('late'));
  assert.ok((await store.audit(99_999)).length < 3 * pendingMax + 100);
});

test('S2-08: refusals of one device are told of once an hour, and of so many devices at most', async () => {
  const world = await createWorld();
  const { store, clock, tracker } = world;
  const clone = async (id: string) => registered(world, id, { key: testKey('clone') });
  for (let number = 0; number < toldMax + 3; number++) {
    const id = `lamp-${number}`;
    await store.addDevices([newDevice(id)], { actor: 'test', atMs: startMs });
  }
  const refusals = async () =>
    (await store.audit(99_999)).filter(({ act }) => act === 'registration refused');
  for (let count = 0; count < 3; count++)
    assert.match(await clone('lamp-0'), /expected the key that this id is registered with/);
  assert.equal((await refusals()).length, 1);
  for (let number = 1; number < toldMax + 3; number++) await clone(`lamp-${number}`);
  assert.equal((await refusals()).length, toldMax);
  clock.pass(3_600_000);
  await clone('lamp-0');
  const [last] = await refusals();
  assert.match(last?.detail ?? '', /found key \w+; 3 other refusals before it were only counted$/);
  await tracker.close();
});

test('S2-08: a count of starts that goes back is a copy’s: the device is frozen, and shown', async () => {
  const world = await createWorld();
  await world.store.addDevices([newDevice('lamp-1')], { actor: 'test', atMs: startMs });
  for (const starts of [5, 6, 6])
    assert.equal(await registered(world, 'lamp-1', { starts: () => starts }), 'approved');
  assert.equal(await registered(world, 'lamp-1'), 'approved', 'who says nothing contradicts nothing');
  const told: string[] = [];
  world.tracker.watch.follow(({ id, state }) => told.push(`${id} ${state}`));
  assert.equal(await registered(world, 'lamp-1', { starts: () => 5 }), 'frozen');
  assert.deepEqual(told, ['lamp-1 frozen'], 'whoever watches is told');
  const { explanation } = await world.tracker.desk.device('lamp-1');
  assert.match(
    explanation,
    /frozen until an operator approves it again: it says it has started 5 times, and had said 6 before/,
  );
  await world.tracker.desk.approve('lamp-1', 'anna');
  assert.equal(await registered(world, 'lamp-1', { starts: () => 6 }), 'approved', 'it goes on from there');
});

test('S2-08: who is turned away by an operator has no session any more, and may come again', async () => {
  const world = await createWorld();
  const lamp = world.device('lamp-1');
  await lamp.checkIn();
  await world.tracker.desk.turnAway('lamp-1', 'anna');
  assert.equal(await world.store.device('lamp-1'), undefined);
  await assert.rejects(
    world.tracker.desk.turnAway('lamp-1', 'anna'),
    /expected a device that waits for approval, found lamp-1/,
  );
  await lamp.client.poll();
  assert.equal((await world.store.device('lamp-1'))?.approval, 'pending', 'it registered anew');
});

const terms = { transports: ['http'], manifestVersions: [1], reachability: 'always' } as const;

test('S3-43, S4-58: of what a device speaks, it is told back what the tracker speaks, too', async () => {
  const world = await createWorld();
  await world.store.addDevices([newDevice('lamp-1')], { actor: 'test', atMs: startMs });
  const both = { ...terms, transports: ['coap', 'http'] as const, manifestVersions: [2, 1, 1] };
  const receipt = await world
    .device('lamp-1', { terms: { ...both, transports: ['coap', 'http'] } })
    .client.register();
  assert.deepEqual(receipt.spoken, { transports: ['http'], manifestVersions: [1] });
  assert.equal((await world.device('lamp-1').client.register()).spoken, undefined);
});

test('S3-43, S4-58: what the house does not speak, and what makes no sense, is refused', async () => {
  const world = await createWorld();
  await world.store.addDevices([newDevice('lamp-1')], { actor: 'test', atMs: startMs });
  const said = async (changes: Partial<TrackerClientOptions['terms']>) =>
    registered(world, 'lamp-1', {
      terms: { ...terms, transports: ['http'], manifestVersions: [1], ...changes },
    });
  assert.match(await said({ transports: ['coap'] }), /expected a transport of http, found coap/);
  assert.match(await said({ manifestVersions: [2, 3] }), /expected a manifest version of 1, found 2, 3/);
  assert.match(
    await said({ timeZone: 'Europe/Atlantis' }),
    /expected a time zone by its IANA name, found "Europe\/Atlantis"/,
  );
  assert.equal(await said({ timeZone: 'Europe/Berlin' }), 'approved');
  assert.match(
    await said({ reachability: 'windows' }),
    /expected how long windows last and how often they come/,
  );
  assert.match(
    await said({ reachability: 'windows', reachableMs: 9, everyMs: 8 }),
    /expected windows that are over before the next, found 9 ms every 8 ms/,
  );
  assert.equal(await said({ reachability: 'windows', reachableMs: 8, everyMs: 9 }), 'approved');
});
