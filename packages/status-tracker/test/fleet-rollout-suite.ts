/** What every store makes of queries, urgency, approvals, windows and retries. */
import assert from 'node:assert/strict';
import { acceptOrder } from '../src/index.ts';
import { signAttached } from '@lapel/cose';
import { write } from '@lapel/cbor';
import type { ReportReason } from '@lapel/suit';
import { CampaignOrder } from '../src/protocol.ts';
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
  statusIn,
  tells,
  tokenHash,
} from './fleet-fixtures.ts';
import type { Check } from './fleet-fixtures.ts';
import { bytes16, operatorKey, startMs } from './world.ts';

export function rolloutTests(check: Check): void {
  check(
    'S4-133: devices join a campaign as they come to match its query, and leave it as they cease',
    async (store) => {
      await addSeen(store, 'a', 1, inventory(1, { imageBytesMax: 60_000 }));
      await store.addDevices([newDevice('unheard')], by);
      await store.addCampaign(await newCampaign('c1', 2, startMs, { predicate: 'flash >= 80000' }));
      await store.join(c1, { limit: 10 }, startMs);
      assert.equal(await statusIn(store, c1, 'a'), undefined);
      assert.equal(await statusIn(store, c1, 'unheard'), undefined, 'it has not told');
      await tells(store, 'a', 2, { imageBytesMax: 90_000 });
      assert.equal(await statusIn(store, c1, 'a'), 'waiting');
      await tells(store, 'a', 3, { imageBytesMax: 60_000 });
      assert.equal(await statusIn(store, c1, 'a'), 'superseded');
      await tells(store, 'a', 4, { imageBytesMax: 90_000 });
      assert.equal(await statusIn(store, c1, 'a'), 'waiting');
    },
  );

  check('S4-133: devices join and leave campaigns as operators tag them', async (store) => {
    await addSeen(store, 'a');
    await addSeen(store, 'b', 1);
    await store.addCampaign(await newCampaign('c1', 2, startMs, { predicate: 'tag.ring == "first"' }));
    await store.join(c1, { limit: 10 }, startMs);
    assert.equal(await statusIn(store, c1, 'a'), undefined);
    const first = { set: { ring: 'first', site: 'Berlin, "Mitte"' }, remove: [] };
    assert.deepEqual(await store.tag(['a', 'nobody'], first, by), ['a']);
    assert.deepEqual((await store.device('a'))?.tags, { ring: 'first', site: 'Berlin, "Mitte"' });
    assert.equal((await store.device('b'))?.tags, undefined);
    assert.equal(await statusIn(store, c1, 'a'), 'waiting');
    await store.tag(['a'], { set: {}, remove: ['ring'] }, by);
    assert.deepEqual((await store.device('a'))?.tags, { site: 'Berlin, "Mitte"' });
    assert.equal(await statusIn(store, c1, 'a'), 'superseded');
    await store.tag(['a'], { set: { ring: 'first' }, remove: [] }, by);
    assert.equal(await statusIn(store, c1, 'a'), 'waiting');
    const [last] = await store.audit(1);
    assert.deepEqual([last?.act, last?.subject, last?.detail], ['device tagged', 'a', 'ring=first']);
  });

  check('S4-133: what is under way goes on, whatever a device is tagged meanwhile', async (store) => {
    await addSeen(store, 'a');
    await store.tag(['a'], { set: { ring: 'first' }, remove: [] }, by);
    await store.addCampaign(await newCampaign('c1', 2, startMs, { predicate: 'tag.ring == "first"' }));
    await store.join(c1, { limit: 10 }, startMs);
    await offer(store, c1, 'a', nonceOf('01'));
    await store.tag(['a'], { set: {}, remove: ['ring'] }, by);
    assert.equal(await statusIn(store, c1, 'a'), 'offered');
  });

  check('S4-133: no device has more tags than a person would give it, and then gets none', async (store) => {
    await store.addDevices([newDevice('a'), newDevice('b')], by);
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`t${at}`, 'x']));
    await store.tag(['b'], { set: many, remove: [] }, by);
    const more = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`u${at}`, 'x']));
    await assert.rejects(store.tag(['a', 'b'], { set: more, remove: [] }, by), /at most 32 tags .* found 33/);
    assert.equal((await store.device('a'))?.tags, undefined, 'all of them or none');
  });

  check('S4-133: a device that comes later joins the campaigns that are open', async (store) => {
    await store.addCampaign(await newCampaign('c1'));
    await store.addDevices([newDevice('late')], by);
    await store.joinOpen('late', startMs + 20);
    await store.joinOpen('nobody', startMs + 20);
    assert.equal(await statusIn(store, c1, 'late'), 'waiting');
  });

  check('S3-12, S3-13: the more urgent campaign holds a device, though the other is newer', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1', 2, startMs, { urgency: 'critical' }));
    await store.addCampaign(await newCampaign('c2', 3, startMs + 5, { urgency: 'low' }));
    for (const id of [c1, c2]) await store.join(id, { limit: 10 }, startMs);
    assert.deepEqual(await store.due(c2, startMs + 6, 10), []);
    assert.deepEqual(
      (await store.due(c1, startMs + 6, 10)).map(({ device }) => device),
      ['a'],
    );
    assert.deepEqual(
      (await store.openCampaigns(startMs + 6)).map(({ id }) => id),
      [c1, c2],
    );
    assert.equal((await store.device('a'))?.member?.campaign, c1);
  });

  check(
    'S3-12: of thousands that a newer campaign holds, each has its turn once that has ended',
    async (store) => {
      const count = 2_100;
      const ids = Array.from({ length: count }, (_, at) => `d${at}`);
      await store.addDevices(
        ids.map((id) => newDevice(id)),
        by,
      );
      const begun = { tokenHash, updateMode: 'client-initiated', atMs: startMs } as const;
      await store.startSessions(ids.map((device) => ({ device, ...begun })));
      await store.recordCheckIns(
        ids.map((device) => ({ device, session, counter: 1, inventory: inventory(), signed: evidence() })),
      );
      await store.addCampaign(await newCampaign('c1', 2));
      await store.addCampaign(await newCampaign('c2', 3));
      for (const id of [c1, c2]) await store.join(id, { limit: count }, startMs);
      const dueAt = async (nowMs: number) => (await store.due(c1, nowMs, count)).length;
      for (let round = 0; round < 5; round += 1) assert.equal(await dueAt(startMs + round * 500), 0);
      assert.equal((await store.due(c2, startMs, count)).length, count);
      const { generation = 0 } = (await store.campaign(c2)) ?? {};
      await store.applySteps(c2, generation, [{ do: 'halt', because: 'enough of it' }], startMs + 2_500);
      assert.equal(await dueAt(startMs + 2_500 + count), count);
    },
  );

  check(
    'among campaigns of one urgency the higher sequence number wins, whichever came later',
    async (store) => {
      await addSeen(store, 'a');
      await store.addCampaign(await newCampaign('c1', 3));
      await store.addCampaign(await newCampaign('c2', 2, startMs + 5));
      for (const id of [c1, c2]) await store.join(id, { limit: 10 }, startMs);
      assert.deepEqual(await store.due(c2, startMs + 6, 10), []);
      assert.equal((await store.due(c1, startMs + 6, 10)).length, 1);
    },
  );

  check(
    'S4-133: a campaign that asks for approvals runs with the last of them; a person counts once',
    async (store) => {
      await store.addCampaign(await newCampaign('c1', 2, startMs, { approvals: 2 }));
      assert.equal((await store.campaign(c1))?.state, 'proposed');
      const voice = (person: string, signer = person) => store.approveCampaign(c1, { person, signer }, by);
      assert.equal((await voice('ann')).state, 'proposed');
      assert.equal((await voice('ann', 'another key')).state, 'proposed');
      assert.equal((await voice('ben')).state, 'running');
      assert.deepEqual(
        (await store.campaign(c1))?.progress.approvals.map(({ person }) => person),
        ['ann', 'ben'],
      );
      await assert.rejects(
        store.approveCampaign(c2, { person: 'ann', signer: 'ann' }, by),
        /expected the id of a campaign/,
      );
    },
  );

  check('S3-27: a device that waits for its window is not due before it', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 10 }, startMs);
    const applied = await store.applySteps(
      c1,
      0,
      [{ do: 'wait', device: 'a', untilMs: startMs + 500 }],
      startMs,
    );
    assert.deepEqual(applied?.changes, []);
    assert.deepEqual(await store.due(c1, startMs + 499, 10), []);
    assert.equal((await store.due(c1, startMs + 500, 10)).length, 1);
    assert.equal((await store.member(c1, 'a'))?.notBeforeMs, startMs + 500);
  });

  check('a wave that was opened, and what the rate has left, are remembered', async (store) => {
    await addSeen(store, 'a');
    await store.addCampaign(await newCampaign('c1', 2, startMs, { waves: [10, 1000], ratePerMinute: 3 }));
    await store.join(c1, { limit: 10 }, startMs);
    const steps = [
      { do: 'open', wave: 1, finished: 4, failed: 2 },
      { do: 'offer', device: 'a', nonce: nonceOf('aa'), expiresMs: startMs + 9 },
    ] as const;
    await store.applySteps(c1, 0, steps, startMs + 10_000);
    const { wave, finished, failed, allowance, allowedMs } = (await store.campaign(c1))!.progress;
    assert.deepEqual([wave, finished, failed, allowance, allowedMs], [1, 4, 2, 2, startMs + 10_000]);
  });

  check(
    'an order to retry gives another chance to what failed for the time being, and to nothing else',
    async (store) => {
      const ends: Readonly<Record<string, ReportReason>> = {
        ...{ beyond: 'operation-failed', passing: 'operation-failed', lasting: 'condition-failed' },
        fine: 'ok',
      };
      await store.addCampaign(await newCampaign('c1'));
      for (const [index, [device, reason]] of Object.entries(ends).entries()) {
        await addSeen(store, device);
        const nonce = nonceOf(`a${index}`);
        await offer(store, c1, device, nonce);
        await store.recordReports([reportOn(device, nonce, { reason })]);
      }
      await addSeen(store, 'silent');
      await offer(store, c1, 'silent', nonceOf('bb'));
      const { generation } = (await store.campaign(c1))!;
      await store.applySteps(
        c1,
        generation,
        [{ do: 'give-up', device: 'silent', because: 'silent' }],
        startMs,
      );
      await tells(store, 'beyond', 2, { components: inventory(3).components });
      const about = { version: 1, campaign: bytes16('c1'), number: 1, created: startMs } as const;
      const order = { ...about, order: 'retry' } as const;
      const signed = signAttached(operatorKey, write(CampaignOrder, order));
      await store.applyOrder(acceptOrder(signed, c1, [operatorKey.public]), by);
      const after = await store.members(c1, undefined, { limit: 10 });
      assert.deepEqual(
        after.map(({ device, status, generation: offers }) => `${device} ${status} ${offers}`),
        [
          ...['beyond superseded 1', 'fine confirmed 1', 'lasting failed 1'],
          ...['passing waiting 0', 'silent waiting 0'],
        ],
      );
    },
  );
}
