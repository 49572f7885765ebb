import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { bytesBody, readProblem, request } from '@lapel/transport';
import { CheckIn } from '../src/protocol.ts';
import type { Offer } from '../src/protocol.ts';
import { inTurns } from '../src/server/in-turns.ts';
import type { TestDevice, World } from './world.ts';
import { createWorld, digestFor, inventoryOf, reportOf, testKey } from './world.ts';

async function post(world: World, path: '/check-in' | '/reports', body: Uint8Array): Promise<string> {
  const response = await world.tracker.handler(request('POST', path, { body: bytesBody(body) }));
  if (response.status === 'ok' || response.status === 'changed') return response.status;
  return `${response.status}: ${(await readProblem(response)).detail}`;
}

async function offered(world: World, count = 1): Promise<readonly (readonly [TestDevice, Offer])[]> {
  const lamps = await world.lamps(count);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  return Promise.all(
    lamps.map(async (lamp) => {
      const offer = await lamp.client.poll();
      assert.ok(offer);
      return [lamp, offer] as const;
    }),
  );
}

const statusOf = async (world: World, id: string) => (await world.store.member('c1'.repeat(16), id))?.status;

test('a report counts only under the key of its own device and with the nonce of its own offer', async () => {
  const world = await createWorld();
  const [[lamp, offer] = [], [other, otherOffer] = []] = await offered(world, 2);
  assert.ok(lamp && offer && other && otherOffer);
  const forged = reportOf(testKey('somebody'), offer, 'ok');
  assert.match(
    await post(world, '/reports', forged),
    /^forbidden: expected the key of a registered device, found /,
  );
  const swapped = lamp.report(otherOffer, 'ok');
  assert.match(await post(world, '/reports', swapped), /^conflict: expected a report on an offer to lamp-0/);
  const elsewhere = lamp.report({ ...offer, digest: digestFor(3) }, 'ok');
  assert.match(await post(world, '/reports', elsewhere), /^conflict: .*\(other-manifest\)$/);
  const flipped = lamp.report(offer, 'ok');
  flipped[flipped.length - 3] = (flipped[flipped.length - 3] ?? 0) ^ 4;
  assert.match(await post(world, '/reports', flipped), /^forbidden: report: /);
  assert.equal(await statusOf(world, 'lamp-0'), 'offered', 'none of them changed anything');
  assert.equal(await statusOf(world, 'lamp-1'), 'offered');
});

test('a report that is told again is answered again, and counts once', async () => {
  const world = await createWorld();
  const [[lamp, offer] = []] = await offered(world);
  assert.ok(lamp && offer);
  const pending = lamp.report(offer, 'invoke-pending');
  const ok = lamp.report(offer, 'ok');
  for (const report of [pending, ok, ok, pending])
    assert.equal(await post(world, '/reports', report), 'changed');
  assert.equal(await statusOf(world, 'lamp-0'), 'confirmed', 'an old word does not undo a newer one');
});

test('a late report on an offer before the last is kept, and only its success counts', async () => {
  const world = await createWorld();
  const [[lamp, first] = []] = await offered(world);
  assert.ok(lamp && first);
  await lamp.client.report(lamp.report(first, 'invoke-pending'));
  await lamp.checkIn({ state: 'reverted', bootReason: 'the trial expired' });
  assert.equal(await statusOf(world, 'lamp-0'), 'reverted');
  await world.tracker.desk.order('c1'.repeat(16), world.order('c1', 1, 'pause'), 'test');
  await world.tracker.desk.order('c1'.repeat(16), world.order('c1', 2, 'resume'), 'test');
  const view = await world.tracker.desk.campaign('c1'.repeat(16));
  const nonce = new Uint8Array(16).fill(9);
  const again = [{ do: 'offer', device: 'lamp-0', nonce, expiresMs: view.campaign.expires }] as const;
  await world.store.applySteps(view.id, view.generation, again, world.clock.wallMs());
  assert.equal(await post(world, '/reports', lamp.report(first, 'operation-failed')), 'changed');
  assert.equal(await statusOf(world, 'lamp-0'), 'offered', 'the second offer is not over');
  assert.equal(await post(world, '/reports', lamp.report(first, 'ok')), 'changed');
  assert.equal(await statusOf(world, 'lamp-0'), 'confirmed');
});

test('an expired trial is reverted, whichever word comes first; a refused manifest has failed', async () => {
  for (const words of ['check-in first', 'report first'] as const) {
    const world = await createWorld();
    const [[lamp, offer] = [], [other, otherOffer] = []] = await offered(world, 2);
    assert.ok(lamp && offer && other && otherOffer);
    await lamp.client.report(lamp.report(offer, 'invoke-pending'));
    const tell = [
      () => lamp.checkIn({ state: 'reverted', bootReason: 'the trial expired' }),
      () => lamp.client.report(lamp.report(offer, 'operation-failed')),
    ];
    for (const word of words === 'report first' ? tell.toReversed() : tell) await word();
    assert.equal(await statusOf(world, 'lamp-0'), 'reverted', words);
    await other.checkIn({ state: 'failed', pending: otherOffer.digest });
    await other.client.report(other.report(otherOffer, 'unauthorised'));
    const member = await world.store.member('c1'.repeat(16), 'lamp-1');
    assert.equal(`${member?.status}: ${member?.because}`, 'failed: unauthorised');
  }
});

test('who repeats that it once went back does not revert an offer that it has not begun', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  await lamp.checkIn({ state: 'reverted' });
  assert.equal(await statusOf(world, 'lamp-0'), 'offered');
});

test('a check-in counts only from its own device, in its own session, once', async () => {
  const world = await createWorld();
  const token = new Uint8Array(32).fill(1);
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  const session = (await world.store.device('lamp-0'))?.session?.tokenHash.slice(0, 8);
  assert.ok(session);
  const message: CheckIn = {
    ...inventoryOf(1),
    version: 1,
    device: 'lamp-0',
    session,
    counter: 2,
    nonce: new Uint8Array(16),
  };
  const sealed = (changes: Partial<CheckIn>, key = testKey('lamp-0')) =>
    signAttached(key, write(CheckIn, { ...message, ...changes }));
  const other = testKey('other');
  assert.match(
    await post(world, '/check-in', sealed({}, other)),
    /^forbidden: check-in: expected a trusted key/,
  );
  assert.match(
    await post(world, '/check-in', sealed({ device: 'none' })),
    /^unauthorized: expected a registered device/,
  );
  const stale = digest('sha-256', token).slice(0, 8);
  assert.match(
    await post(world, '/check-in', sealed({ session: stale })),
    /^unauthorized: expected the session/,
  );
  assert.match(
    await post(world, '/check-in', sealed({ counter: 1 })),
    /^conflict: expected a counter above 1, found 1 \(replayed\)$/,
  );
  const good = sealed({});
  assert.equal(await post(world, '/check-in', good), 'ok');
  assert.equal(await post(world, '/check-in', good), 'ok', 'the same word again is answered, not counted');
  assert.match(await post(world, '/check-in', sealed({ state: 'failed' })), /^conflict: .*\(replayed\)$/);
});

test('S2-08: two check-ins of one number freeze their device; a late or repeated one does not', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  const session = (await world.store.device('lamp-0'))?.session?.tokenHash.slice(0, 8);
  assert.ok(session);
  const sealed = (counter: number, nonce = 0): Uint8Array => {
    const told = {
      version: 1,
      device: 'lamp-0',
      session,
      counter,
      nonce: new Uint8Array(16).fill(nonce),
    } as const;
    return signAttached(testKey('lamp-0'), write(CheckIn, { ...inventoryOf(1), ...told }));
  };
  const approval = async () => (await world.store.device('lamp-0'))?.approval;
  const [third, held] = [sealed(3), sealed(2)];
  assert.equal(await post(world, '/check-in', third), 'ok');
  for (let times = 0; times < 2; times++) {
    assert.match(await post(world, '/check-in', held), /^conflict: /, 'it was held back, and comes late');
    assert.equal(await post(world, '/check-in', third), 'ok', 'it comes again');
  }
  // Whoever carries it may wrap what was signed anew, as long as the signature holds: here, without the tag.
  const rewrapped = third.subarray(1);
  assert.notEqual(await post(world, '/check-in', rewrapped), 'ok');
  assert.equal(await approval(), 'approved');
  assert.match(await post(world, '/check-in', sealed(3, 1)), /^conflict: .*\(replayed\)$/);
  const { explanation } = await world.tracker.desk.device('lamp-0');
  assert.match(
    explanation,
    /^lamp-0 is frozen until an operator approves it again: two of it go on at once: /,
  );
  const [told] = await world.store.audit(1);
  assert.equal(told?.act, 'device frozen');
  assert.match(told.detail ?? '', /both have signed a check-in number 3 of one session$/);
});

test('what comes while a write is under way is written together with its next turn', async () => {
  const batches: (readonly number[])[] = [];
  let release: () => void = () => undefined;
  const write = inTurns(async (batch: readonly number[]) => {
    batches.push(batch);
    await new Promise<void>((resolve) => (release = resolve));
    return batch.map((value) => value * 10);
  });
  const results = Promise.all([write(1), write(2), write(3)]);
  release();
  await new Promise(setImmediate);
  release();
  assert.deepEqual(await results, [10, 20, 30]);
  assert.deepEqual(batches, [[1], [2, 3]]);
});

test('a write that fails is told to whoever waited for it, and the next one is tried', async () => {
  let isBroken = true;
  const write = inTurns(async (batch: readonly number[]) => {
    if (isBroken) throw new Error('the disk is gone');
    return batch;
  });
  await assert.rejects(write(1), /the disk is gone/);
  isBroken = false;
  assert.equal(await write(2), 2);
});
