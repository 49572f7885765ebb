/** What every FleetStore must do with operators' words on the newest releases, and what devices refuse. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';
import { addSeen, by, c1, inventory, newCampaign, newestOf, nonceOf, offer } from './fleet-fixtures.ts';
import { otherClass, startMs } from './world.ts';

export function operatorsWordTests(check: Check): void {
  check('freeze attacks: of each class the last word is kept, and none takes it back', async (store) => {
    const [first, later] = [newestOf(2, startMs), newestOf(2, startMs + 5)];
    const other = newestOf(9, startMs, { class: otherClass });
    assert.equal(await store.keepNewest(first, by), true);
    assert.equal(await store.keepNewest(first, by), false, 'it is there');
    assert.equal(await store.keepNewest(other, by), true);
    assert.equal(await store.keepNewest(later, by), true, 'it is renewed');
    assert.equal(await store.keepNewest(first, by), false, 'an older word');
    const withdrawn = newestOf(1, startMs + 9);
    assert.equal(await store.keepNewest(withdrawn, by), true, 'a later word on an older release');
    assert.deepEqual(await store.newest(), [withdrawn, other]);
    const told = (await store.audit(9)).filter(({ act }) => act === 'newest release told');
    assert.equal(told.length, 4);
  });

  check(
    'S4-133: what a device declines or refuses holds no place, and only the offer that it had',
    async (store) => {
      await addSeen(store, 'lamp-1');
      await addSeen(store, 'lamp-2');
      await store.addCampaign(await newCampaign('c1'));
      await store.join(c1, { limit: 100 }, startMs);
      await offer(store, c1, 'lamp-1', nonceOf('a1'));
      await offer(store, c1, 'lamp-2', nonceOf('a2'));
      const [device, untilMs] = ['lamp-1', startMs + 50];
      const say = async (move: Parameters<typeof store.applySteps>[2][number]) => {
        const view = await store.campaign(c1);
        return store.applySteps(c1, view?.generation ?? -1, [move], startMs + 1);
      };
      const another = await say({ do: 'decline', device, nonce: nonceOf('a2'), untilMs });
      assert.deepEqual(another?.changes, []);
      const declined = await say({ do: 'decline', device, nonce: nonceOf('a1'), untilMs });
      assert.deepEqual(
        declined?.changes.map(({ from, to }) => [from, to]),
        [['offered', 'waiting']],
      );
      assert.deepEqual(await store.due(c1, untilMs - 1, 9), []);
      assert.deepEqual(
        (await store.due(c1, untilMs, 9)).map(({ device: id }) => id),
        ['lamp-1'],
      );
      await say({ do: 'refuse', device: 'lamp-2', nonce: nonceOf('a2'), because: 'expected another' });
      const member = await store.member(c1, 'lamp-2');
      assert.equal(member?.status, 'unfit');
      assert.equal(member.because, 'the device refuses the offer: expected another');
      assert.deepEqual(await store.liveOffers(), []);
      assert.deepEqual([(await store.totals(c1)).inFlight, (await store.totals(c1)).unfit], [0, 1]);
    },
  );

  check('freeze attacks: what a device says of the newest release is kept', async (store) => {
    const told = inventory(1, { newestSequenceNumber: 4, frozenSinceMs: startMs - 7 });
    await addSeen(store, 'lamp-1', 1, told);
    assert.deepEqual((await store.device('lamp-1'))?.inventory, told);
  });
}
