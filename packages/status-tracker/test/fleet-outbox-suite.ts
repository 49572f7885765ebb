/** What every FleetStore must do so that receivers outside are told what changes. */
import assert from 'node:assert/strict';
import type { FleetStore } from '../src/index.ts';
import type { Check } from './fleet-fixtures.ts';
import { addSeen, by, c1, newCampaign, nonceOf, offer, reportOn } from './fleet-fixtures.ts';
import { bytes16, startMs } from './world.ts';

const dayMs = 24 * 60 * 60 * 1000;

async function takeAll(store: FleetStore, receiver: string) {
  const taken = [];
  for (;;) {
    const delivery = await store.nextDelivery(receiver);
    if (delivery === undefined) return taken;
    taken.push(...delivery.changes);
    await store.delivered(receiver, delivery.number);
  }
}

const order = (number: number, order: 'pause' | 'resume' | 'abort') => ({
  order: { version: 1 as const, campaign: bytes16('c1'), number, order, created: startMs },
  signer: 'test',
});

async function changeOften(store: FleetStore, times: number): Promise<void> {
  await store.addCampaign(await newCampaign('c1'));
  for (let number = 1; number < times; number += 1)
    await store.applyOrder(order(number, number % 2 === 1 ? 'pause' : 'resume'), by);
}

export function outboxTests(check: Check): void {
  check('what changes waits for each receiver, in its order, until that one has taken it', async (store) => {
    await store.keepReceivers(['a', 'b'], startMs);
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 10 }, startMs);
    await offer(store, c1, 'lamp-1', nonceOf('01'));
    await store.recordReports([reportOn('lamp-1', nonceOf('01'))]);
    await store.applyOrder(order(1, 'abort'), { ...by, atMs: startMs + 5 });
    await store.freeze(['lamp-1', 'nobody'], { ...by, atMs: startMs + 6, because: 'a copy of it' });
    assert.equal(await store.isWaiting('a'), true);
    const told = await takeAll(store, 'a');
    assert.deepEqual(told, [
      { atMs: startMs, kind: 'campaign', id: c1, state: 'running' },
      { atMs: startMs, kind: 'device', id: 'lamp-1', state: 'offered', campaign: c1 },
      { atMs: startMs + 1, kind: 'device', id: 'lamp-1', state: 'confirmed', campaign: c1 },
      { atMs: startMs + 5, kind: 'campaign', id: c1, state: 'aborted' },
      { atMs: startMs + 6, kind: 'device', id: 'lamp-1', state: 'frozen', because: 'a copy of it' },
    ]);
    assert.equal(await store.isWaiting('a'), false);
    assert.deepEqual(await takeAll(store, 'b'), told, 'what one has taken still waits for the other');
  });

  check('nothing waits for whom nobody has named', async (store) => {
    await changeOften(store, 3);
    await store.keepReceivers(['late'], startMs);
    assert.deepEqual(await takeAll(store, 'late'), []);
    assert.deepEqual(await takeAll(store, 'unknown'), []);
    assert.deepEqual(await store.waiting(), new Map([['late', 0]]));
  });

  check('a delivery is the same until it is taken, whatever is added meanwhile', async (store) => {
    await store.keepReceivers(['a'], startMs);
    await changeOften(store, 2);
    const first = await store.nextDelivery('a');
    assert.equal(first?.changes.length, 2);
    await store.applyOrder(order(2, 'resume'), by);
    assert.deepEqual(await store.nextDelivery('a'), first);
    await store.delivered('a', first.number);
    const second = await store.nextDelivery('a');
    assert.deepEqual(
      second?.changes.map(({ state }) => state),
      ['running'],
    );
    assert.notEqual(second?.number, first.number);
  });

  check('a delivery holds a hundred changes at most', async (store) => {
    await store.keepReceivers(['a'], startMs);
    await changeOften(store, 101);
    assert.equal((await store.nextDelivery('a'))?.changes.length, 100);
    assert.equal((await takeAll(store, 'a')).length, 101);
  });

  check('beyond a limit the oldest are dropped, but not what is being sent', async (store) => {
    await store.keepReceivers(['a', 'b'], startMs);
    await changeOften(store, 2);
    const underWay = await store.nextDelivery('a');
    for (let number = 2; number < 8; number += 1)
      await store.applyOrder(order(number, number % 2 === 1 ? 'pause' : 'resume'), { ...by, atMs: number });
    assert.deepEqual(await store.trimOutbox(3), [
      { receiver: 'a', dropped: 3 },
      { receiver: 'b', dropped: 5 },
    ]);
    assert.deepEqual(await store.trimOutbox(3), []);
    assert.deepEqual(await store.nextDelivery('a'), underWay);
    assert.deepEqual(
      (await takeAll(store, 'b')).map(({ atMs }) => atMs),
      [5, 6, 7],
    );
  });

  check('a receiver that nobody has named for a day is forgotten, with what waits for it', async (store) => {
    await store.keepReceivers(['a', 'b'], startMs);
    await changeOften(store, 2);
    await store.keepReceivers(['b'], startMs + dayMs);
    assert.equal((await store.waiting()).get('a'), 2);
    await store.keepReceivers(['b'], startMs + dayMs + 1);
    assert.deepEqual(await store.waiting(), new Map([['b', 2]]));
    assert.equal(await store.isWaiting('a'), false);
    await store.keepReceivers([], startMs + 3 * dayMs);
    assert.deepEqual(await store.waiting(), new Map());
  });

  check('what is undone is told to nobody', async (store) => {
    await store.keepReceivers(['a'], startMs);
    await changeOften(store, 2);
    await assert.rejects(store.applyOrder(order(1, 'pause'), by), { code: 'conflict' });
    assert.equal(await store.addCampaign(await newCampaign('c1')), false);
    assert.equal((await takeAll(store, 'a')).length, 2);
  });
}
