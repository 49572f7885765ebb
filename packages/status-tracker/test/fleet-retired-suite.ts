/** What every store must do for devices that an operator takes out of the fleet. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';
import {
  addSeen,
  by,
  evidence,
  inventory,
  newCampaign,
  newDevice,
  nonceOf,
  offer,
  reportOn,
  session,
  statusIn,
  tokenHash,
} from './fleet-fixtures.ts';
import { startMs } from './world.ts';

const [c1, c2] = ['c1'.repeat(16), 'c2'.repeat(16)];
const stolen = { ...by, because: 'it was stolen' };
const later = { ...by, atMs: startMs + 5 };

export function retiredTests(check: Check): void {
  check('S2-08: a retired device has no session, no offer and no place in campaigns', async (store) => {
    for (const id of ['lamp-1', 'lamp-2']) await addSeen(store, id);
    await store.addDevices([newDevice('lamp-3', { approval: 'pending' })], by);
    for (const [place, id] of ['c1', 'c2'].entries()) {
      await store.addCampaign(await newCampaign(id, 2 + place));
      await store.join(id.repeat(16), { limit: 100 }, startMs);
    }
    await offer(store, c2, 'lamp-1', nonceOf('a1'));
    const named = ['lamp-1', 'lamp-3', 'nobody'];
    assert.deepEqual(await store.retire(named, stolen), ['lamp-1'], 'who waits is turned away instead');
    assert.deepEqual(await store.retire(['lamp-1'], stolen), [], 'once');
    assert.deepEqual(await store.freeze(['lamp-1'], stolen), [], 'and it is not frozen on top');
    const retired = await store.device('lamp-1');
    assert.deepEqual(
      [retired?.approval, retired?.session, retired?.lastError],
      ['retired', undefined, 'it was stolen'],
    );
    assert.deepEqual(
      (await store.sessions()).map(({ device }) => device),
      ['lamp-2'],
    );
    assert.deepEqual(await store.liveOffers(), []);
    for (const campaign of [c1, c2]) {
      const { status, because } = (await store.member(campaign, 'lamp-1')) ?? {};
      assert.deepEqual([status, because], ['superseded', 'its device was retired']);
    }
    assert.equal((await store.totals(c2)).waiting, 1, 'of the other one');
    const conditions = (await store.summary()).map(({ state, count }) => `${count} ${state}`);
    assert.deepEqual(new Set(conditions), new Set(['1 idle', '1 pending', '1 retired']));
    assert.equal(conditions.length, 3);
  });

  check(
    'S2-08: a device that is retired while it registers or speaks, is not let in by it',
    async (store) => {
      await addSeen(store, 'lamp-1');
      await store.retire(['lamp-1'], stolen);
      const begun = { tokenHash, updateMode: 'negotiated', atMs: startMs } as const;
      await store.addDevices([newDevice('lamp-2')], by);
      const both = ['lamp-1', 'nobody', 'lamp-2'].map((device) => ({ ...begun, device }));
      assert.deepEqual(await store.startSessions(both), [false, false, true]);
      const said = { device: 'lamp-1', session, counter: 9, inventory: inventory(), signed: evidence() };
      assert.equal((await store.recordCheckIns([said]))[0]?.end, 'other-session');
      assert.equal((await store.device('lamp-1'))?.session, undefined);
      assert.deepEqual(await store.addDevices([newDevice('lamp-1')], by), ['known'], 'its id stays taken');
      const twin = { ...newDevice('lamp-1'), id: 'lamp-9' };
      assert.deepEqual(await store.addDevices([twin], by), ['key-in-use'], 'and so does its key');
    },
  );

  check('S2-08: what a device did before it was retired stays true, and what it said', async (store) => {
    await addSeen(store, 'lamp-1');
    await addSeen(store, 'lamp-2');
    await addSeen(store, 'lamp-3', 1, inventory(3));
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    const newer = await store.member(c1, 'lamp-3');
    assert.equal(newer?.status, 'superseded');
    await offer(store, c1, 'lamp-1', nonceOf('a1'));
    await offer(store, c1, 'lamp-2', nonceOf('a2'));
    await store.recordReports([reportOn('lamp-1', nonceOf('a1'), { reason: 'condition-failed' })]);
    await store.retire(['lamp-1', 'lamp-2', 'lamp-3'], stolen);
    assert.deepEqual(await store.member(c1, 'lamp-3'), newer);
    assert.equal(await statusIn(store, c1, 'lamp-1'), 'failed', 'a bad firmware is no better by it');
    assert.equal(await statusIn(store, c1, 'lamp-2'), 'superseded');
    assert.equal((await store.evidence('lamp-1', 10)).length, 2);
    await store.recordReports([reportOn('lamp-2', nonceOf('a2'))]);
    assert.equal(await statusIn(store, c1, 'lamp-2'), 'confirmed', 'it was under way to say so');
    assert.equal((await store.device('lamp-2'))?.approval, 'retired');
  });

  check('S2-08: a device that is approved again goes on where it is', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await store.retire(['lamp-1'], stolen);
    assert.deepEqual(await store.approve(['lamp-1'], later), ['lamp-1']);
    assert.deepEqual(await store.due(c1, startMs + 6, 10), [], 'it has to register first');
    const fresh = new Uint8Array(32).fill(8);
    const begun = {
      device: 'lamp-1',
      tokenHash: fresh,
      updateMode: 'negotiated',
      atMs: startMs + 6,
    } as const;
    assert.deepEqual(await store.startSessions([begun]), [true]);
    const said = { device: 'lamp-1', session: fresh.slice(0, 8), counter: 1, signed: evidence() };
    await store.recordCheckIns([{ ...said, inventory: inventory(1, { atMs: startMs + 7 }) }]);
    assert.equal(await statusIn(store, c1, 'lamp-1'), 'waiting');
    const due = await store.due(c1, startMs + 8, 10);
    assert.deepEqual(
      due.map(({ device }) => device),
      ['lamp-1'],
    );
  });
}
