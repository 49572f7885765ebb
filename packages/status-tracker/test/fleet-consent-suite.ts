/** What every FleetStore must do with what devices say as they register, and to offers. */
import assert from 'node:assert/strict';
import { write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import type { AnswerView } from '../src/server/fleet.ts';
import { Answer } from '../src/protocol.ts';
import type { Check } from './fleet-fixtures.ts';
import { addSeen, by, c1, newCampaign, nonceOf, offer, tokenHash } from './fleet-fixtures.ts';
import { lampClass, startMs, testKey, vendor } from './world.ts';

const answerOf = (counter: number, changes: Partial<Answer> = {}): AnswerView => {
  const answer: Answer = {
    version: 1,
    device: 'lamp-1',
    session: tokenHash.slice(0, 8),
    counter,
    nonce: new Uint8Array(16),
    offer: nonceOf('a1'),
    decision: 'at',
    until: startMs + counter,
    ...changes,
  };
  return { answer, atMs: startMs, signed: signAttached(testKey('lamp-1'), write(Answer, answer)) };
};

export function consentTests(check: Check): void {
  check('S3-43: what a device stated at registration is kept until the next one', async (store) => {
    await addSeen(store, 'lamp-1');
    const statement = {
      terms: { transports: ['http'], manifestVersions: [1], reachability: 'queue', timeZone: 'Asia/Tokyo' },
      characteristics: { hardware: 'rev B', freeMemoryBytes: 1, freeFlashBytes: 2 },
    } as const;
    const session = { device: 'lamp-1', tokenHash, updateMode: 'negotiated', atMs: startMs } as const;
    await store.startSessions([{ ...session, statement }]);
    assert.deepEqual((await store.device('lamp-1'))?.statement, statement);
    assert.deepEqual(await store.sessions(), [
      { device: 'lamp-1', tokenHash, updateMode: 'negotiated', vendor, class: lampClass, statement },
    ]);
    await store.startSessions([session]);
    assert.equal((await store.device('lamp-1'))?.statement, undefined);
  });

  check(
    'S3-27: the planner is told the time zone of a device that may be offered something',
    async (store) => {
      await addSeen(store, 'lamp-1');
      await addSeen(store, 'lamp-2');
      const terms = { transports: ['http'], manifestVersions: [1], reachability: 'always' } as const;
      const session = { device: 'lamp-1', tokenHash, updateMode: 'client-initiated', atMs: startMs } as const;
      await store.startSessions([{ ...session, statement: { terms: { ...terms, timeZone: 'Asia/Tokyo' } } }]);
      await store.addCampaign(await newCampaign('c1'));
      await store.join(c1, { limit: 100 }, startMs);
      const zones = new Map(
        (await store.due(c1, startMs, 10)).map(({ device, timeZone }) => [device, timeZone]),
      );
      assert.deepEqual([zones.get('lamp-1'), zones.get('lamp-2')], ['Asia/Tokyo', undefined]);
    },
  );

  check('S3-38: of the answers of a device the newest is kept, once', async (store) => {
    await addSeen(store, 'lamp-1');
    await store.addCampaign(await newCampaign('c1'));
    await store.join(c1, { limit: 100 }, startMs);
    assert.deepEqual(await store.recordAnswers([answerOf(1)]), ['no-such-offer']);
    await offer(store, c1, 'lamp-1', nonceOf('a1'));
    const [first, second] = [answerOf(2), answerOf(3)];
    assert.deepEqual(await store.recordAnswers([first, first, answerOf(1), second]), [
      'recorded',
      'known',
      'replayed',
      'recorded',
    ]);
    assert.deepEqual((await store.device('lamp-1'))?.answer, second);
    assert.deepEqual(await store.recordAnswers([answerOf(9, { session: new Uint8Array(8) })]), [
      'other-session',
    ]);
    assert.deepEqual(await store.recordAnswers([answerOf(9, { device: 'lamp-9' })]), ['other-session']);
    assert.deepEqual((await store.device('lamp-1'))?.answer, second);
  });

  check(
    'S2-08: a frozen device keeps its place, gets nothing, and is freed by an approval',
    async (store) => {
      const twins = { ...by, because: 'there are two of it' };
      await addSeen(store, 'lamp-1');
      await addSeen(store, 'lamp-2');
      await store.addCampaign(await newCampaign('c1'));
      await store.join(c1, { limit: 100 }, startMs);
      assert.deepEqual(await store.freeze(['lamp-1', 'lamp-9'], twins), ['lamp-1']);
      assert.deepEqual(await store.freeze(['lamp-1'], twins), [], 'once');
      const frozen = await store.device('lamp-1');
      assert.equal(frozen?.approval, 'frozen');
      assert.equal(frozen.lastError, 'there are two of it');
      assert.equal((await store.audit(1))[0]?.act, 'device frozen');
      const due = async () => (await store.due(c1, startMs, 10)).map(({ device }) => device);
      assert.deepEqual(await due(), ['lamp-2']);
      await offer(store, c1, 'lamp-2', nonceOf('a2'));
      assert.equal((await store.liveOffers()).length, 1);
      await store.freeze(['lamp-2'], twins);
      assert.deepEqual(await store.liveOffers(), []);
      const conditions = (await store.summary()).map(({ state, count }) => [state, count]);
      assert.deepEqual(conditions, [['frozen', 2]]);
      assert.deepEqual(await store.approve(['lamp-1', 'lamp-2'], by), ['lamp-1', 'lamp-2']);
      assert.deepEqual(await due(), ['lamp-1']);
      assert.equal((await store.liveOffers()).length, 1);
    },
  );
}
