/**
 * What every FleetStore must do. A store earns its place by passing this suite; the tests of the tracker
 * then hold on it, too.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { FleetStore } from '../src/index.ts';
import { campaignTests, planTests } from './fleet-campaign-suite.ts';
import { enrolmentTests } from './fleet-enrolment-suite.ts';
import { operatorsWordTests } from './fleet-word-suite.ts';
import { retiredTests } from './fleet-retired-suite.ts';
import { consentTests } from './fleet-consent-suite.ts';
import { rolloutTests } from './fleet-rollout-suite.ts';
import { runsTests } from './fleet-runs-suite.ts';
import type { Check } from './fleet-fixtures.ts';
import {
  addSeen,
  by,
  c1,
  evidence,
  inventory,
  newCampaign,
  newDevice,
  nonceOf,
  offer,
  reportOn,
  tokenHash,
  session,
} from './fleet-fixtures.ts';
import { challengeTests } from './fleet-challenge-suite.ts';
import { channelTests } from './fleet-channel-suite.ts';
import { outboxTests } from './fleet-outbox-suite.ts';
import { leaseTests } from './fleet-lease-suite.ts';
import { auditTests } from './audit-suite.ts';
import { logTests } from './log-suite.ts';
import {
  digestFor,
  lampClass,
  measured,
  measuredImage,
  otherClass,
  startMs,
  testKey,
  vendor,
} from './world.ts';

export function testFleetStore(
  name: string,
  make: () => Promise<FleetStore> | FleetStore,
  options: { readonly skip?: string | false } = {},
): void {
  const check: Check = (sentence, body) =>
    void test(`${name}: ${sentence}`, options, async () => {
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
  rolloutTests(check);
  runsTests(check);
  planTests(check);
  consentTests(check);
  retiredTests(check);
  operatorsWordTests(check);
  accessTests(check);
  enrolmentTests(check);
  auditTests(check);
  logTests(check);
  leaseTests(check);
  challengeTests(check);
  channelTests(check);
  outboxTests(check);
}

function deviceTests(check: Check): void {
  check('S2-08: a device is found by its id and its key, with all that it told', async (store) => {
    await addSeen(store, 'lamp-1');
    const device = await store.device('lamp-1');
    assert.deepEqual(device?.inventory, inventory());
    assert.deepEqual(device.session, { tokenHash, startedMs: startMs, counter: 1 });
    assert.equal(device.updateMode, 'negotiated');
    assert.equal(device.lastSeenMs, startMs);
    const [named, byKey, nobody] = await store.speakers(['lamp-1', testKey('lamp-1').kid, 'lamp-2']);
    for (const speaker of [named, byKey]) {
      assert.deepEqual(speaker?.publicKey, device.publicKey);
      assert.deepEqual(speaker.session, device.session);
      assert.equal(speaker.approval, 'approved');
    }
    assert.equal(nobody, undefined);
    assert.equal(await store.device('lamp-2'), undefined);
    assert.deepEqual(await store.sessions(), [
      { device: 'lamp-1', tokenHash, updateMode: 'negotiated', vendor, class: lampClass },
    ]);
  });

  check('S4-125, S4-126: what a bootloader measured and refused is kept as it was told', async (store) => {
    const [told] = inventory().components;
    assert.ok(told);
    const whole = inventory(1, { ...measured, components: [{ ...told, ...measuredImage }] });
    await addSeen(store, 'lamp-1', 1, whole);
    assert.deepEqual((await store.device('lamp-1'))?.inventory, whole);
    await store.recordCheckIns([
      { device: 'lamp-1', session, counter: 2, inventory: inventory(), signed: evidence() },
    ]);
    assert.deepEqual((await store.device('lamp-1'))?.inventory, inventory(), 'it is of one start only');
  });

  check('S4-126: a suspicion is kept with what it is of, and audited when it begins', async (store) => {
    const suspicion = 'component 00: expected image aa…, measured bb…';
    await addSeen(store, 'lamp-1');
    for (const [counter, change] of [{ suspicion }, { suspicion }, {}, { suspicion }].entries()) {
      const told = { counter: counter + 2, inventory: inventory(1, change), signed: evidence() };
      await store.recordCheckIns([{ device: 'lamp-1', session, ...told }]);
      assert.equal((await store.device('lamp-1'))?.inventory?.suspicion, change.suspicion);
    }
    const acts = (await store.audit(10)).map(({ act, detail }) => `${act}: ${detail}`);
    const told = acts.filter((act) => act === `image contradicts manifest: ${suspicion}`);
    assert.equal(told.length, 2);
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
    await store.join(c1, { limit: 100 }, startMs);
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
    await store.join(c1, { limit: 100 }, startMs);
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

  check(
    'X-90: a report that its manifest contradicts is kept as evidence, and moves nobody',
    async (store) => {
      await addSeen(store, 'lamp-1');
      await store.addCampaign(await newCampaign('c1'));
      await store.join(c1, { limit: 100 }, startMs);
      await offer(store, c1, 'lamp-1', nonceOf('aa'));
      const because = 'expected a command at byte 7, found none';
      const replays = [
        { end: 'contradicted', because },
        { end: 'not-replayed', because: 'no envelope' },
      ] as const;
      for (const [index, replay] of replays.entries()) {
        const reason = index === 0 ? 'ok' : 'invoke-pending';
        await store.recordReports([reportOn('lamp-1', nonceOf('aa'), { replay, reason })]);
        const [kept] = await store.evidence('lamp-1', 1);
        assert.deepEqual(kept?.replay, replay);
        const status = index === 0 ? 'offered' : 'awaiting-confirmation';
        assert.equal((await store.member(c1, 'lamp-1'))?.status, status);
        assert.equal((await store.device('lamp-1'))?.lastError, `report contradicts manifest: ${because}`);
      }
      const [told] = await store.audit(1);
      assert.equal(
        `${told?.actor}: ${told?.act}: ${told?.detail}`,
        `lamp-1: report contradicts manifest: ${because}`,
      );
      assert.equal((await store.evidence('lamp-1', 9)).at(-1)?.replay, undefined, 'a check-in is no report');
    },
  );

  check('a failure is kept as the last error, until something is confirmed', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    await offer(store, c1, 'lamp-1', nonceOf('aa'));
    await store.recordReports([reportOn('lamp-1', nonceOf('aa'), { reason: 'condition-failed' })]);
    assert.equal((await store.device('lamp-1'))?.lastError, 'condition-failed');
    const told = { counter: 2, inventory: inventory(2), signed: evidence() };
    await store.recordCheckIns([{ device: 'lamp-1', session, ...told }]);
    assert.equal((await store.device('lamp-1'))?.lastError, undefined);
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
