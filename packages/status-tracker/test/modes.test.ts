/** Offers that wait for a word: answers, triggers, and what neither may do. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { TransportError } from '@lapel/transport';
import type { TrackerClientOptions } from '../src/client/client.ts';
import type { StatusTrackerOptions } from '../src/index.ts';
import { Trigger } from '../src/protocol.ts';
import type { Offer, Terms } from '../src/protocol.ts';
import type { TestDevice, World } from './world.ts';
import { createWorld, inventoryOf, lampClass, testKey, vendor } from './world.ts';

const hour = 3_600_000;
const terms: Terms = { transports: ['http'], manifestVersions: [1], reachability: 'always' };

interface Scene {
  readonly world: World;
  readonly lamp: TestDevice;
}

/** One device of a mode, with an offer. */
async function offered(
  client: Partial<TrackerClientOptions>,
  tracker: Partial<StatusTrackerOptions> = {},
): Promise<Scene> {
  const world = await createWorld(tracker);
  const provision = { id: 'lamp-0', key: testKey('lamp-0').public, vendor, class: lampClass };
  await world.tracker.desk.provision(provision, 'test');
  const lamp = world.device('lamp-0', client);
  await lamp.checkIn();
  await world.tracker.desk.start(world.campaign('c1', 2, { silenceMsMax: 1000 * hour }), 'test');
  await world.tracker.tick();
  return { world, lamp };
}

async function offerOf({ client }: TestDevice): Promise<Offer> {
  const offer = await client.poll();
  assert.ok(offer);
  return offer;
}

const refusedFor = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TransportError);
  assert.match(error.message, pattern);
  return true;
};

test('S3-43: mode, terms and what the device is are told at registration, and kept', async () => {
  const characteristics = { hardware: 'rev B', freeMemoryBytes: 20_000, freeFlashBytes: 300_000 };
  const { world } = await offered({
    updateMode: 'negotiated',
    terms,
    characteristics: () => characteristics,
  });
  const { device } = await world.tracker.desk.device('lamp-0');
  assert.equal(device.updateMode, 'negotiated');
  assert.deepEqual(device.statement, { terms, characteristics });
  const again = world.device('lamp-0', { updateMode: 'client-initiated' });
  await again.checkIn();
  const changed = (await world.tracker.desk.device('lamp-0')).device;
  assert.equal(changed.updateMode, 'client-initiated', 'a change needs another registration');
  assert.deepEqual(changed.statement, {});
});

test('S3-36: a device that agrees is triggered at once', async () => {
  const { lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  assert.equal(lamp.client.takeTrigger(offer), undefined);
  await lamp.client.answer(offer, { decision: 'now' });
  const after = await offerOf(lamp);
  assert.deepEqual(after.nonce, offer.nonce);
  assert.ok(lamp.client.takeTrigger(after));
});

test('S3-37: a device that was triggered may name another time, and is triggered then', async () => {
  const { world, lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  await lamp.client.answer(offer, { decision: 'now' });
  assert.ok(lamp.client.takeTrigger(await offerOf(lamp)));
  await lamp.client.answer(offer, { decision: 'at', until: world.clock.wallMs() + hour });
  assert.equal((await offerOf(lamp)).trigger, undefined);
  world.clock.pass(hour);
  await world.tracker.tick();
  assert.ok(lamp.client.takeTrigger(await offerOf(lamp)));
});

test('S3-38: a time that was named is waited for, across a restart of the tracker', async () => {
  const { world, lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  await lamp.client.answer(offer, { decision: 'at', until: world.clock.wallMs() + 3 * hour });
  world.clock.pass(3 * hour - 1);
  await world.restart();
  await world.tracker.tick();
  assert.equal(lamp.client.takeTrigger(await offerOf(lamp)), undefined, 'a millisecond before');
  world.clock.pass(1);
  await world.tracker.tick();
  assert.ok(lamp.client.takeTrigger(await offerOf(lamp)));
});

test('S3-37: no device puts an offer off for longer than is allowed', async () => {
  const { world, lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  assert.ok(offer.latest);
  await assert.rejects(
    lamp.client.answer(offer, { decision: 'at', until: offer.latest + 1 }),
    refusedFor(/^expected a time until 2026-.*, found 2026-/),
  );
  await assert.rejects(
    lamp.client.answer(offer, { decision: 'at', until: Number.MAX_SAFE_INTEGER }),
    refusedFor(/found 9007199254740991 ms$/),
  );
  await assert.rejects(lamp.client.answer(offer, { decision: 'at' }), refusedFor(/expected a time with at/));
  await lamp.client.answer(offer, { decision: 'at', until: offer.latest });
  assert.equal((await world.store.device('lamp-0'))?.answer?.answer.until, offer.latest);
});

test('fleet lessons 22: what a device has declined is not offered before the time it named', async () => {
  const { world, lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  await lamp.client.answer(offer, { decision: 'declined', until: world.clock.wallMs() + hour });
  assert.equal(await lamp.client.poll(), undefined);
  await world.restart();
  await world.tracker.tick();
  assert.equal(await lamp.client.poll(), undefined, 'nor by another tracker');
  world.clock.pass(hour);
  await world.tracker.tick();
  const again = await offerOf(lamp);
  assert.notDeepEqual(again.nonce, offer.nonce);
  assert.equal(again.generation, offer.generation, 'it has cost none of its chances');
});

test('S4-21: what a device has declined takes no place of another in flight', async () => {
  const world = await createWorld();
  const [first, second] = await world.lamps(2, { updateMode: 'negotiated' });
  assert.ok(first !== undefined && second !== undefined);
  await world.tracker.desk.start(world.campaign('c1', 2, { inFlightMax: 1 }), 'test');
  await world.tracker.tick();
  const [lucky, other] = (await first.client.poll()) === undefined ? [second, first] : [first, second];
  const offer = await offerOf(lucky);
  assert.equal(await other.client.poll(), undefined);
  await lucky.client.answer(offer, { decision: 'declined', until: world.clock.wallMs() + hour });
  await world.tracker.tick();
  assert.ok(await other.client.poll());
  const { explanation } = await world.tracker.desk.device(lucky.id);
  const until = '2026-01-01T01:00:00.000Z';
  assert.equal(
    explanation,
    `${lucky.id} is offered "lamps to 2" again at ${until}: the device has declined it until then.`,
  );
});

test('S3-38: only a newer answer to an offer of its own counts, and in its own session', async () => {
  const { world, lamp } = await offered({ updateMode: 'negotiated' });
  const offer = await offerOf(lamp);
  await assert.rejects(
    lamp.client.answer({ ...offer, nonce: new Uint8Array(16) }, { decision: 'now' }),
    refusedFor(/expected an answer to an offer, .*\(no-such-offer\)/),
  );
  const later = { decision: 'at', until: world.clock.wallMs() + hour } as const;
  await lamp.client.answer(offer, later);
  const stored = (await world.store.device('lamp-0'))?.answer;
  assert.ok(stored);
  await lamp.client.answer(offer, { decision: 'at', until: later.until + 1 });
  assert.deepEqual(await world.store.recordAnswers([stored]), ['replayed']);
  const last = (await world.store.device('lamp-0'))?.answer;
  assert.ok(last);
  assert.deepEqual(await world.store.recordAnswers([last]), ['known']);
  await lamp.client.register();
  assert.deepEqual(await world.store.recordAnswers([last]), ['other-session']);
});

test('S3-30: a trigger is the tracker’s, for one device, session and offer, and counts once', async () => {
  const { world, lamp } = await offered({ updateMode: 'server-initiated' });
  const offer = await offerOf(lamp);
  const { trigger } = offer;
  assert.ok(trigger, 'nothing speaks against it');
  const session = digest('sha-256', (await lamp.client.register()).token ?? new Uint8Array()).slice(0, 8);
  assert.equal(lamp.client.takeTrigger(offer), undefined, 'a trigger of another session');
  await world.tracker.tick();
  const now = await offerOf(lamp);
  const forged = (key: string, changes: object = {}) => {
    const order = { version: 1, device: 'lamp-0', offer: now.nonce, session, number: 2 ** 50, ...changes };
    return { ...now, trigger: signAttached(testKey(key), write(Trigger, order as Trigger)) };
  };
  assert.equal(lamp.client.takeTrigger(forged('somebody')), undefined, 'of another key');
  assert.equal(lamp.client.takeTrigger(forged('tracker', { device: 'lamp-1' })), undefined);
  assert.equal(lamp.client.takeTrigger(forged('tracker', { offer: new Uint8Array(16) })), undefined);
  assert.equal(lamp.client.takeTrigger(forged('tracker', { session: new Uint8Array(8) })), undefined);
  assert.equal(lamp.client.takeTrigger({ ...now, trigger: Uint8Array.of(0xff) }), undefined);
  assert.ok(lamp.client.takeTrigger(now));
  assert.equal(lamp.client.takeTrigger(now), undefined, 'replayed');
});

test('S3-30: a tracker whose clock goes back is obeyed again, and an order of before is not', async () => {
  const { world, lamp } = await offered({ updateMode: 'server-initiated' });
  const first = await offerOf(lamp);
  assert.ok(lamp.client.takeTrigger(first));
  world.clock.pass(-3_600_000);
  await world.restart();
  await world.tracker.tick();
  const second = await offerOf(lamp);
  assert.notDeepEqual(second.trigger, first.trigger);
  assert.equal(lamp.client.takeTrigger(second), undefined, 'by its number it is of before');
  await offerOf(lamp);
  await world.tracker.tick();
  const third = await offerOf(lamp);
  assert.equal(lamp.client.takeTrigger(first), undefined, 'another session');
  assert.ok(lamp.client.takeTrigger(third));
});

test('S3-26: the server decides by how busy the device says it is, where it said so lately', async () => {
  const { world, lamp } = await offered({ updateMode: 'server-initiated' }, { strategy: { loadMax: 100 } });
  const isTriggered = async () => {
    await world.tracker.tick();
    return (await offerOf(lamp)).trigger !== undefined;
  };
  assert.equal(await isTriggered(), false, 'it has told nothing');
  await lamp.checkIn({ serviceLoad: 900 });
  assert.equal(await isTriggered(), false);
  await lamp.checkIn({ serviceLoad: 50 });
  world.clock.pass(hour);
  assert.equal(await isTriggered(), false, 'an hour ago it was idle');
  await lamp.checkIn({ serviceLoad: 51 });
  assert.equal(await isTriggered(), true);
});

test('S3-27: a provisioned window holds in the time zone that the device registered with', async () => {
  const window = { days: 0b111_1111, opens: 120, lasts: 120 };
  const berlin = { ...terms, timeZone: 'Europe/Berlin' };
  const { world, lamp } = await offered(
    { updateMode: 'server-initiated', terms: berlin },
    { strategy: { window } },
  );
  const openAt: number[] = [];
  for (let minutes = 0; minutes < 24 * 60; minutes += 10) {
    await world.tracker.tick();
    if ((await offerOf(lamp)).trigger !== undefined) {
      openAt.push(minutes);
      break;
    }
    world.clock.pass(10 * 60_000);
  }
  // It is 01:00 in Berlin when the world begins; the device has a place of its own in the first hour.
  assert.equal(openAt.length, 1);
  assert.ok((openAt[0] ?? 0) >= 60 && (openAt[0] ?? 0) <= 120, String(openAt));
});

test('S3-43: urgency overrides a mode only where the device has allowed that', async () => {
  for (const mayOverride of [false, true]) {
    const { lamp } = await offered(
      { updateMode: 'negotiated', terms: { ...terms, mayOverride } },
      { urgency: { priorities: { critical: 0, high: 10, normal: 100 }, rules: [{ urgency: 'critical' }] } },
    );
    const offer = await offerOf(lamp);
    assert.equal(offer.urgency, 'critical');
    assert.equal(lamp.client.takeTrigger(offer)?.overrides, mayOverride ? true : undefined);
  }
});

test('S4-14, S4-15: what a device has told is known to the tracker behind a restart, too', async () => {
  const { world, lamp } = await offered({ updateMode: 'server-initiated', terms });
  await lamp.checkIn({ ...inventoryOf(1), serviceLoad: 7 });
  await world.restart();
  const { device } = await world.tracker.desk.device('lamp-0');
  assert.equal(device.inventory?.serviceLoad, 7);
  assert.deepEqual(device.statement, { terms });
});
