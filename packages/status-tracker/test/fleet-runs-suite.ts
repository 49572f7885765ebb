/** What a device runs, by its check-ins and by its reports, whichever comes first. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';
import {
  addSeen,
  c1,
  c2,
  evidence,
  inventory,
  newCampaign,
  nonceOf,
  offer,
  reportOn,
  session,
  statusIn,
  tells,
} from './fleet-fixtures.ts';
import { digestFor, startMs } from './world.ts';

export function runsTests(check: Check): void {
  check(
    'S2-09: a report of success tells what runs, before any check-in and beyond those that come late',
    async (store) => {
      await addSeen(store, 'a');
      await store.addCampaign(await newCampaign('c1', 2));
      await store.addCampaign(await newCampaign('c2', 3));
      for (const id of [c1, c2]) await store.join(id, { limit: 10 }, startMs);
      await offer(store, c2, 'a', nonceOf('a3'));
      const moves = [{ do: 'give-up', device: 'a', because: 'silent' }] as const;
      await store.applySteps(c2, (await store.campaign(c2))?.generation ?? -1, moves, startMs);
      await offer(store, c1, 'a', nonceOf('a2'));
      assert.equal((await store.liveOffers({ device: 'a' }))[0]?.campaign, c1);
      await tells(store, 'a', 2, { state: 'fetching', pending: digestFor(2) });
      const late = reportOn('a', nonceOf('a3'), { digest: digestFor(3), reason: 'condition-failed' });
      await store.recordReports([late]);
      assert.equal(await statusIn(store, c1, 'a'), 'fetching', 'a failure tells nothing of what runs');
      const [recorded] = await store.recordReports([
        reportOn('a', nonceOf('a3'), { digest: digestFor(3), atMs: startMs + 7 }),
      ]);
      assert.deepEqual(
        recorded?.changes.map(({ campaign, from, to }) => [campaign, from, to]),
        [
          [c2, 'failed', 'confirmed'],
          [c1, 'fetching', 'superseded'],
        ],
      );
      assert.deepEqual(await store.liveOffers({ device: 'a' }), []);
      const [running] = (await store.device('a'))?.inventory?.components ?? [];
      assert.deepEqual([running?.sequenceNumber, running?.manifestDigest], [3, digestFor(3)]);
      await store.addCampaign(await newCampaign('c3', 2, startMs + 9));
      await store.join('c3'.repeat(16), { limit: 10 }, startMs + 9);
      assert.equal(await statusIn(store, 'c3'.repeat(16), 'a'), 'superseded', 'nor is one begun after it');
      const runs = async () => {
        const { components = [], state, pending } = (await store.device('a'))?.inventory ?? {};
        return { number: components[0]?.sequenceNumber, state, pending };
      };
      const trial = { components: inventory(2).components, pending: digestFor(3) };
      await tells(store, 'a', 3, { ...trial, state: 'installing' });
      const beyondTrial = { number: 3, state: 'fetching', pending: digestFor(2) };
      assert.deepEqual(await runs(), beyondTrial, 'what it had said before comes late');
      await tells(store, 'a', 4, { components: inventory(3).components, state: 'awaiting-confirmation' });
      assert.deepEqual(await runs(), beyondTrial, 'its trial is over');
      const begun = { device: 'a', updateMode: 'client-initiated', atMs: startMs } as const;
      await store.startSessions([{ ...begun, tokenHash: digestFor(9) }]);
      await tells(store, 'a', 1, { in: digestFor(9).slice(0, 8), components: inventory(2).components });
      assert.deepEqual(await runs(), { number: 2, state: 'idle', pending: undefined }, 'it has started');
    },
  );

  check('S2-09: while a device tries something newer, nothing older is for it', async (store) => {
    await addSeen(store, 'a', 1, inventory(3));
    await store.addCampaign(await newCampaign('c1', 2));
    await store.join(c1, { limit: 10 }, startMs);
    assert.equal(await statusIn(store, c1, 'a'), 'superseded');
    const trial = { pending: digestFor(4), state: 'awaiting-confirmation' } as const;
    await tells(store, 'a', 2, { components: inventory(4).components, ...trial });
    assert.equal(await statusIn(store, c1, 'a'), 'superseded', 'what ended before the trial stays so');
    await store.addCampaign(await newCampaign('c2', 2, startMs + 1));
    await store.join(c2, { limit: 10 }, startMs + 1);
    assert.equal(
      await statusIn(store, c2, 'a'),
      'superseded',
      'what begins while it lasts waits for nothing',
    );
    await store.addCampaign(await newCampaign('c3', 4, startMs + 2));
    await store.join('c3'.repeat(16), { limit: 10 }, startMs + 2);
    assert.equal(await statusIn(store, 'c3'.repeat(16), 'a'), 'waiting', 'what is tried does not run yet');
    await tells(store, 'a', 3, { components: inventory(1).components, state: 'reverted' });
    assert.equal(await statusIn(store, c2, 'a'), 'waiting', 'it went back behind all of it');
  });

  check('a check-in counts once, and its counter rises within a session', async (store) => {
    await addSeen(store, 'lamp-1', 5);
    const record = { device: 'lamp-1', session, counter: 6, inventory: inventory(), signed: evidence() };
    const low = { ...record, counter: 5, signed: evidence() };
    const ends = (await store.recordCheckIns([record, record, low])).map(({ end }) => end);
    assert.deepEqual(ends, ['recorded', 'known', 'replayed']);
    const begun = { device: 'lamp-1', updateMode: 'negotiated', atMs: startMs } as const;
    await store.startSessions([{ ...begun, tokenHash: new Uint8Array(32).fill(8) }]);
    const late = { ...record, counter: 7, signed: evidence() };
    assert.equal((await store.recordCheckIns([late]))[0]?.end, 'other-session', 'that has ended meanwhile');
    const next = { ...late, session: new Uint8Array(8).fill(8), counter: 1 };
    assert.equal((await store.recordCheckIns([next]))[0]?.end, 'recorded', 'it counts from its start');
  });
}
