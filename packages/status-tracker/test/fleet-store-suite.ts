/**
 * What every FleetStore must do. A store earns its place by passing this suite; the tests of the tracker then hold on
 * it, too.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeVerificationKey } from '@lapel/cose';
import type { CampaignView, FleetStore, Inventory, Member } from '../src/index.ts';
import type { NewDevice, ReportRecord } from '../src/server/store.ts';
import { acceptCampaign } from '../src/server/campaign.ts';
import {
  bytes16,
  campaignBytes,
  digestFor,
  inventoryOf,
  lampClass,
  operatorKey,
  otherClass,
  releaseOf,
  startMs,
  testKey,
  vendor,
} from './world.ts';

const by = { actor: 'test', atMs: startMs };
const tokenHash = new Uint8Array(32).fill(7);

export const newDevice = (id: string, changes: Partial<NewDevice> = {}): NewDevice => {
  const key = testKey(id).public;
  return {
    id,
    publicKey: encodeVerificationKey(key),
    kid: key.kid,
    vendor,
    class: lampClass,
    approval: 'approved',
    ...changes,
  };
};

export const newCampaign = async (
  id: string,
  sequenceNumber = 2,
  createdMs = startMs,
): Promise<CampaignView> => {
  const signed = campaignBytes(id, sequenceNumber, createdMs);
  const releases = () => releaseOf(sequenceNumber);
  const { signer, ...accepted } = await acceptCampaign(signed, {
    operators: [operatorKey.public],
    releases,
    nowMs: createdMs,
  });
  return {
    ...accepted,
    signed,
    state: 'running',
    generation: 0,
    orderNumber: 0,
    acceptedMs: createdMs,
    actor: signer,
    forgiven: { finished: 0, failed: 0 },
  };
};

export const inventory = (sequenceNumber = 1, changes: Partial<Inventory> = {}): Inventory => ({
  ...inventoryOf(sequenceNumber),
  atMs: startMs,
  ...changes,
});

let told = 0;
/** Bytes that nobody has signed: a store keeps them, it does not judge them. */
const evidence = () => new Uint8Array([...new TextEncoder().encode(`evidence ${told++}`)]);

/** A device that has registered and told what it runs. */
async function addSeen(
  store: FleetStore,
  id: string,
  counter = 1,
  told: Inventory = inventory(),
): Promise<void> {
  await store.addDevices([newDevice(id)], by);
  await store.startSessions([{ device: id, tokenHash, updateMode: 'negotiated', atMs: startMs }]);
  await store.recordCheckIns([{ device: id, counter, inventory: told, signed: evidence() }]);
}

const nonceOf = (id: string) => bytes16(id);

async function offer(store: FleetStore, campaign: string, device: string, nonce: Uint8Array, atMs = startMs) {
  const view = await store.campaign(campaign);
  const moves = [{ do: 'offer', device, nonce, expiresMs: startMs + 1e6 }] as const;
  const applied = await store.applySteps(campaign, view?.generation ?? -1, moves, atMs);
  assert.ok(applied);
  return applied;
}

const reportOn = (device: string, nonce: Uint8Array, changes: Partial<ReportRecord> = {}): ReportRecord => ({
  device,
  nonce,
  digest: digestFor(2),
  reason: 'ok',
  signed: evidence(),
  atMs: startMs + 1,
  ...changes,
});

const c1 = 'c1'.repeat(16);
const c2 = 'c2'.repeat(16);

export function testFleetStore(name: string, make: () => Promise<FleetStore> | FleetStore): void {
  const check = (sentence: string, body: (store: FleetStore) => Promise<void>) =>
    test(`${name}: ${sentence}`, async () => {
      const store = await make();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });

  deviceTests(check);
  reportTests(check);
  campaignTests(check);
  planTests(check);
  accessTests(check);
}

type Check = (sentence: string, body: (store: FleetStore) => Promise<void>) => void;

function deviceTests(check: Check): void {
  check('S2-08: a device is found by its id and its key, with all that it told', async (store) => {
    await addSeen(store, 'lamp-1');
    const device = await store.device('lamp-1');
    assert.deepEqual(device?.inventory, inventory());
    assert.deepEqual(device.session, { tokenHash, startedMs: startMs, counter: 1 });
    assert.equal(device.updateMode, 'negotiated');
    assert.equal(device.lastSeenMs, startMs);
    assert.deepEqual(await store.deviceByKid(testKey('lamp-1').kid), device);
    assert.equal(await store.device('lamp-2'), undefined);
    assert.deepEqual(await store.sessions(), [{ device: 'lamp-1', tokenHash, updateMode: 'negotiated' }]);
  });

  check('an id never gets another key, and a key never another id', async (store) => {
    const own = newDevice('lamp-1');
    const other = newDevice('lamp-2');
    const clone = { ...other, id: 'lamp-1' };
    const twin = { ...own, id: 'lamp-3' };
    assert.deepEqual(await store.addDevices([own, own, clone, twin], by), [
      'added',
      'known',
      'other-key',
      'key-in-use',
    ]);
    assert.deepEqual((await store.device('lamp-1'))?.publicKey, own.publicKey);
    assert.equal(await store.device('lamp-3'), undefined);
  });

  check('devices come in the order of their ids, a page at a time', async (store) => {
    await store.addDevices(
      ['b', 'C', 'a', 'd'].map((id) => newDevice(id)),
      by,
    );
    const ids = async (page: { after?: string; limit: number }) =>
      (await store.devices(page)).map(({ id }) => id);
    assert.deepEqual(await ids({ limit: 3 }), ['C', 'a', 'b']);
    assert.deepEqual(await ids({ after: 'b', limit: 3 }), ['d']);
  });

  check('only a pending device is approved, and once', async (store) => {
    await store.addDevices([newDevice('a', { approval: 'pending' }), newDevice('b')], by);
    assert.equal(await store.countDevices('pending'), 1);
    assert.deepEqual(await store.approve(['a', 'b', 'none'], by), ['a']);
    assert.deepEqual(await store.approve(['a'], by), []);
    assert.equal(await store.countDevices('pending'), 0);
  });

  check('the last contact never moves backwards', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.recordSeen([
      { device: 'lamp-1', atMs: startMs + 9 },
      { device: 'lamp-1', atMs: startMs + 5 },
      { device: 'none', atMs: startMs },
    ]);
    assert.equal((await store.device('lamp-1'))?.lastSeenMs, startMs + 9);
  });

  check('the summary counts the whole fleet by version and state', async (store) => {
    await addSeen(store, 'a');
    await addSeen(store, 'b');
    await addSeen(store, 'c', 1, inventory(2, { state: 'fetching' }));
    await store.addDevices([newDevice('d', { approval: 'pending', class: otherClass }), newDevice('e')], by);
    const groups = await store.summary();
    const lines = groups.map(({ version, state, count }) => `${version} ${state} ${count}`).toSorted();
    assert.deepEqual(lines, ['1.0.1 idle 2', '1.0.2 fetching 1', 'unknown pending 1', 'unknown silent 1']);
  });
}

function reportTests(check: Check): void {
  check('a report is never lost and never counted twice', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    assert.equal(await store.join(c1, startMs), 1);
    await offer(store, c1, 'lamp-1', nonceOf('aa'));
    const report = reportOn('lamp-1', nonceOf('aa'));
    const [first, again] = await store.recordReports([report, report]);
    assert.equal(first?.end, 'recorded');
    assert.deepEqual(
      first.changes.map(({ from, to }) => `${from} ${to}`),
      ['offered confirmed'],
    );
    assert.deepEqual(again, { end: 'known', changes: [] });
    assert.equal((await store.totals(c1)).confirmed, 1);
    const kept = await store.evidence('lamp-1', 10);
    assert.deepEqual(
      kept.map(({ kind, outcome }) => `${kind} ${outcome}`),
      ['report ok', 'check-in idle'],
    );
    assert.deepEqual(kept[0]?.signed, report.signed);
  });

  check('a report on another offer, or on another manifest, changes nothing', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
    await offer(store, c1, 'lamp-1', nonceOf('aa'));
    const before = await store.device('lamp-1');
    const ends = await store.recordReports([
      reportOn('lamp-1', nonceOf('bb')),
      reportOn('lamp-2', nonceOf('aa')),
      reportOn('lamp-1', nonceOf('aa'), { digest: digestFor(3) }),
    ]);
    assert.deepEqual(
      ends.map(({ end }) => end),
      ['no-such-offer', 'no-such-offer', 'other-manifest'],
    );
    assert.deepEqual(await store.device('lamp-1'), before);
  });

  check('a check-in counts once, and its counter rises within a session', async (store) => {
    await addSeen(store, 'lamp-1', 5);
    const record = { device: 'lamp-1', counter: 6, inventory: inventory(), signed: evidence() };
    const low = { ...record, counter: 5, signed: evidence() };
    const ends = (await store.recordCheckIns([record, record, low])).map(({ end }) => end);
    assert.deepEqual(ends, ['recorded', 'known', 'replayed']);
    await store.startSessions([{ device: 'lamp-1', tokenHash, updateMode: 'negotiated', atMs: startMs }]);
    const [next] = await store.recordCheckIns([{ ...record, counter: 1, signed: evidence() }]);
    assert.equal(next?.end, 'recorded', 'a new session counts from its start');
  });

  check('a failure is kept as the last error, until something is confirmed', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
    await offer(store, c1, 'lamp-1', nonceOf('aa'));
    await store.recordReports([reportOn('lamp-1', nonceOf('aa'), { reason: 'condition-failed' })]);
    assert.equal((await store.device('lamp-1'))?.lastError, 'condition-failed');
    const told = { counter: 2, inventory: inventory(2), signed: evidence() };
    await store.recordCheckIns([{ device: 'lamp-1', ...told }]);
    assert.equal((await store.device('lamp-1'))?.lastError, undefined);
  });
}

function campaignTests(check: Check): void {
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
    assert.equal(await store.join(c1, startMs), 5);
    assert.equal(await store.join(c1, startMs), 0);
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

function planTests(check: Check): void {
  check('steps planned for an older state of the campaign are not carried out', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
    const applied = await offer(store, c1, 'lamp-1', nonceOf('aa'));
    assert.deepEqual(applied.offers, await store.liveOffers('lamp-1'));
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
      await store.join(c1, startMs);
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

  check('a device in flight is due when it has been silent for too long', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
    await offer(store, c1, 'a', nonceOf('aa'), startMs + 1_000);
    assert.deepEqual(await store.due(c1, startMs + 61_000, 10), []);
    const due = { device: 'a', status: 'offered', lastSeenMs: startMs, offeredMs: startMs + 1_000 };
    assert.deepEqual(await store.due(c1, startMs + 61_001, 10), [due]);
  });

  check('a device has one live offer: a newer campaign holds it, and ends the older offer', async (store) => {
    await addSeen(store, 'a');
    await addSeen(store, 'b');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.addCampaign(await newCampaign('c2', 3, startMs + 1));
    await store.join(c2, startMs);
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
    await store.join(c1, startMs);
    await offer(store, c1, 'a', nonceOf('aa'));
    await store.recordReports([reportOn('a', nonceOf('aa'), { reason: 'condition-failed' })]);
    await store.addCampaign(await newCampaign('c2', 2, startMs + 1));
    await store.join(c2, startMs);
    const member = await store.member(c2, 'a');
    assert.equal(member?.status, 'unfit');
    assert.match(member.because ?? '', /condition-failed/);
    const told = { counter: 2, inventory: inventory(), signed: evidence() };
    await store.recordCheckIns([{ device: 'a', ...told }]);
    assert.equal((await store.member(c2, 'a'))?.status, 'unfit', 'a check-in does not make it forgotten');
  });

  check('a halt stops the offers, and is kept with its reason', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, startMs);
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

function accessTests(check: Check): void {
  check('tokens are kept by their hash, and what happens to them is audited', async (store) => {
    const grant = {
      hash: tokenHash,
      name: 'anna',
      roles: ['viewer', 'operator'],
      createdMs: startMs,
    } as const;
    await store.addGrant(grant, by);
    assert.deepEqual(await store.grants(), [grant]);
    assert.equal(await store.removeGrant('anna', by), true);
    assert.equal(await store.removeGrant('anna', by), false);
    assert.deepEqual(await store.grants(), []);
    const acts = (await store.audit(10)).map(({ act, subject, actor }) => `${actor}: ${act} ${subject}`);
    assert.deepEqual(acts, ['test: token revoked anna', 'test: token granted anna']);
  });

  check('S4-23: what is done to the fleet is audited with its actor, newest first', async (store) => {
    await store.addDevices([newDevice('a', { approval: 'pending' })], { actor: 'a', atMs: startMs });
    await store.approve(['a'], { actor: 'anna', atMs: startMs + 1 });
    await store.addCampaign(await newCampaign('c1'));
    await store.appendAudit([
      { actor: 'b', atMs: startMs + 2, act: 'registration refused', subject: 'b', detail: 'why' },
    ]);
    const acts = (await store.audit(3)).map(({ act, subject }) => `${act} ${subject}`);
    assert.deepEqual(acts, ['registration refused b', `campaign started ${c1}`, 'device approved a']);
  });
}
