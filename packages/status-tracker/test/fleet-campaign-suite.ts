/** The part of the suite of every FleetStore that is about campaigns, their members and the planner. */
import assert from 'node:assert/strict';
import { draw } from '../src/policy/draw.ts';
import type { Member } from '../src/index.ts';
import {
  addSeen,
  by,
  c1,
  c2,
  evidence,
  inventory,
  newCampaign,
  newDevice,
  nonceOf,
  offer,
  reportOn,
  session,
} from './fleet-fixtures.ts';
import type { Check } from './fleet-fixtures.ts';
import { bytes16, otherClass, startMs } from './world.ts';

export function campaignTests(check: Check): void {
  check('a campaign is read back as it was signed, and its id is taken once', async (store) => {
    const view = await newCampaign('c1');
    assert.equal(await store.addCampaign(view), true);
    assert.equal(await store.addCampaign(view), false);
    assert.deepEqual(await store.campaign(c1), view);
    assert.equal(await store.campaign(c2), undefined);
    await store.addCampaign(await newCampaign('c2', 3, startMs + 1));
    assert.deepEqual(
      (await store.campaigns(10)).map(({ id }) => id),
      [c2, c1],
    );
    assert.deepEqual(
      (await store.campaigns(1)).map(({ id }) => id),
      [c2],
    );
  });

  check('members are the approved devices of the class, each once, each with its standing', async (store) => {
    await addSeen(store, 'due');
    await addSeen(store, 'current', 1, inventory(2));
    await addSeen(store, 'newer', 1, inventory(3));
    await addSeen(store, 'small', 1, inventory(1, { imageBytesMax: 10 }));
    await store.addDevices([newDevice('never-seen'), newDevice('pending', { approval: 'pending' })], by);
    await store.addDevices([newDevice('other', { class: otherClass })], by);
    await store.addCampaign(await newCampaign('c1'));
    assert.equal(await store.join(c1, { limit: 2 }, startMs), 'due');
    assert.equal(await store.join(c1, { after: 'due', limit: 100 }, startMs), undefined);
    await store.join(c1, { limit: 100 }, startMs);
    const members = await store.members(c1, undefined, { limit: 10 });
    assert.deepEqual(
      members.map(({ device, status }) => `${device} ${status}`),
      ['current confirmed', 'due waiting', 'never-seen waiting', 'newer superseded', 'small unfit'],
    );
    assert.deepEqual(await store.totals(c1), {
      waiting: 2,
      inFlight: 0,
      confirmed: 1,
      failed: 0,
      reverted: 0,
      givenUp: 0,
      unfit: 1,
    });
    const page = await store.members(c1, 'waiting', { after: 'due', limit: 1 });
    assert.deepEqual(
      page.map(({ device }) => device),
      ['never-seen'],
    );
  });

  check('an order is obeyed once, and counts up the campaign', async (store) => {
    await store.addCampaign(await newCampaign('c1'));
    const order = {
      version: 1,
      campaign: bytes16('c1'),
      number: 1,
      order: 'pause',
      created: startMs,
    } as const;
    const paused = await store.applyOrder({ order, signer: 'test' }, by);
    assert.equal(paused.state, 'paused');
    assert.equal(paused.generation, 1);
    assert.deepEqual(await store.campaign(c1), paused);
    await assert.rejects(store.applyOrder({ order, signer: 'test' }, by), { code: 'conflict' });
    const unknown = { ...order, campaign: bytes16('c2') };
    await assert.rejects(store.applyOrder({ order: unknown, signer: 'test' }, by), { code: 'not-found' });
  });
}

export function planTests(check: Check): void {
  check('steps planned for an older state of the campaign are not carried out', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    const applied = await offer(store, c1, 'lamp-1', nonceOf('aa'));
    assert.deepEqual(applied.offers, await store.liveOffers({ device: 'lamp-1' }));
    const stale = [{ do: 'offer', device: 'lamp-1', nonce: nonceOf('bb'), expiresMs: startMs }] as const;
    assert.equal(await store.applySteps(c1, 0, stale, startMs), undefined);
    assert.deepEqual(await store.liveOffers(), applied.offers);
  });

  check(
    'only what has checked in and was seen of late is due, fresh ones before reverted ones',
    async (store) => {
      for (const id of ['a', 'b', 'quiet']) await addSeen(store, id);
      await store.addDevices([newDevice('never-seen')], by);
      await store.addCampaign(await newCampaign('c1'));
      await store.join(c1, { limit: 100 }, startMs);
      await offer(store, c1, 'a', nonceOf('aa'));
      await store.recordReports([reportOn('a', nonceOf('aa'), { reason: 'invoke-pending' })]);
      await store.recordReports([reportOn('a', nonceOf('aa'), { reason: 'operation-failed' })]);
      const nowMs = startMs + 61_000;
      await store.recordSeen(['a', 'b'].map((device) => ({ device, atMs: nowMs })));
      const due = await store.due(c1, nowMs, 10);
      assert.deepEqual(
        due.map(({ device, status }) => `${device} ${status}`),
        ['b waiting', 'a reverted'],
      );
      assert.equal((await store.due(c1, nowMs, 1)).length, 1);
    },
  );

  check('a device that was silent when its turn came is due again when it is heard of', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    const dueAt = async (ms: number) => (await store.due(c1, ms, 10)).map(({ device }) => device);
    assert.deepEqual(await dueAt(startMs + 61_000), []);
    assert.deepEqual(await dueAt(startMs + 62_000), []);
    await store.recordSeen([{ device: 'a', atMs: startMs + 63_000 }]);
    assert.deepEqual(await dueAt(startMs + 64_000), ['a']);
    assert.deepEqual(await dueAt(startMs + 163_000), [], 'and not, once it is silent again');
    const told = inventory(1, { atMs: startMs + 164_000 });
    await store.recordCheckIns([{ device: 'a', session, counter: 2, inventory: told, signed: evidence() }]);
    assert.deepEqual(await dueAt(startMs + 165_000), ['a']);
    await store.freeze(['a'], { ...by, because: 'two of it' });
    assert.deepEqual(await dueAt(startMs + 165_000), [], 'nor while it is frozen');
    await store.approve(['a'], by);
    assert.deepEqual(await dueAt(startMs + 165_000), ['a']);
  });

  check('a device in flight that is heard of is due when it has been silent from then on', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'), startMs);
    await store.recordSeen([{ device: 'a', atMs: startMs + 50_000 }]);
    assert.deepEqual(await store.due(c1, startMs + 60_001, 10), []);
    assert.deepEqual(await store.due(c1, startMs + 110_000, 10), []);
    assert.equal((await store.due(c1, startMs + 110_001, 10)).length, 1);
  });

  check('a device in flight is due when it has been silent for too long', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'), startMs + 1_000);
    assert.deepEqual(await store.due(c1, startMs + 61_000, 10), []);
    const place = draw(c1, 'a');
    const due = { device: 'a', status: 'offered', lastSeenMs: startMs, offeredMs: startMs + 1_000, place };
    assert.deepEqual(await store.due(c1, startMs + 61_001, 10), [due]);
  });

  check('a device has one live offer: a newer campaign holds it, and ends the older offer', async (store) => {
    await addSeen(store, 'a');
    await addSeen(store, 'b');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.addCampaign(await newCampaign('c2', 3, startMs + 1));
    await store.join(c2, { limit: 100 }, startMs);
    assert.deepEqual(await store.due(c1, startMs, 10), [], 'the newer campaign holds what waits');
    const { changes } = await offer(store, c2, 'a', nonceOf('bb'));
    assert.deepEqual(
      changes.map(({ campaign, to }) => `${campaign.slice(0, 2)} ${to}`),
      ['c1 superseded', 'c2 offered'],
    );
    assert.deepEqual(
      (await store.liveOffers()).map(({ nonce }) => nonce),
      [nonceOf('bb')],
    );
    const member: Member | undefined = (await store.device('a'))?.member;
    assert.equal(member?.campaign, c2);
  });

  check('a manifest that a device refused is not offered to it again by another campaign', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.recordReports([reportOn('a', nonceOf('aa'), { reason: 'condition-failed' })]);
    await store.addCampaign(await newCampaign('c2', 2, startMs + 1));
    await store.join(c2, { limit: 100 }, startMs);
    const member = await store.member(c2, 'a');
    assert.equal(member?.status, 'unfit');
    assert.match(member.because ?? '', /condition-failed/);
    const told = { counter: 2, inventory: inventory(), signed: evidence() };
    await store.recordCheckIns([{ device: 'a', session, ...told }]);
    assert.equal((await store.member(c2, 'a'))?.status, 'unfit', 'a check-in does not make it forgotten');
  });

  check('a manifest that could only not be fetched is offered again by another campaign', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.recordReports([reportOn('a', nonceOf('aa'), { reason: 'operation-failed' })]);
    assert.equal((await store.member(c1, 'a'))?.status, 'failed');
    await store.addCampaign(await newCampaign('c2', 2, startMs + 1));
    await store.join(c2, { limit: 100 }, startMs);
    assert.equal((await store.member(c2, 'a'))?.status, 'waiting');
  });

  check('a halt stops the offers, and is kept with its reason', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.applySteps(c1, 1, [{ do: 'halt', because: '1 of 1 finished devices failed' }], startMs);
    const view = await store.campaign(c1);
    assert.equal(view?.state, 'halted');
    assert.equal(view.because, '1 of 1 finished devices failed');
    assert.deepEqual(await store.liveOffers(), []);
    assert.deepEqual(await store.openCampaigns(startMs), []);
    const [entry] = await store.audit(1);
    assert.deepEqual(entry, {
      actor: 'planner',
      atMs: startMs,
      act: 'campaign halted',
      subject: c1,
      detail: '1 of 1 finished devices failed',
    });
  });
}
