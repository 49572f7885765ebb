/** Who a request under OSCORE is from, as the tracker knows it, and what it takes that for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { write } from '@lapel/cbor';
import { SharedSecret } from '@lapel/cose';
import type { OscoreContext } from '@lapel/transport/coap';
import { openResponse, oscoreContext, oscoreServer, protectRequest } from '@lapel/transport/coap';
import { request, systemRandom } from '@lapel/transport';

import { channelName, createChannels } from '../src/server/channels.ts';
import { createNotify } from '../src/server/notify.ts';
import { createMemoryStore } from '../src/server/store-memory.ts';
import { by } from './fleet-fixtures.ts';
import { testClock } from './world.ts';

const nothing = new Uint8Array(0);
const sharedSecret = (): SharedSecret => ({
  secret: systemRandom.bytes(16),
  sender: systemRandom.bytes(7),
  recipient: Uint8Array.of(1),
});
const keeping = (device: string, shared: SharedSecret) => ({
  device,
  name: channelName(shared),
  secret: write(SharedSecret, shared),
});

function deviceSide({ secret, sender, recipient }: SharedSecret): OscoreContext {
  let taken = 0;
  const store = { take: async (count: number) => (taken += count) - count };
  return oscoreContext({ masterSecret: secret, senderId: sender, recipientId: recipient, store });
}

test('RFC 8613 §3: a context is its device’s, is there once, and ends with its secret', async () => {
  const [store, clock] = [createMemoryStore(), testClock()];
  const find = createChannels({ store, clock, isShared: false });
  const shared = sharedSecret();
  const { name } = keeping('lamp-1', shared);
  assert.equal(await find(name), undefined);
  await store.keepChannel(keeping('lamp-1', shared), by);
  const [one, same] = await Promise.all([find(name), find(name)]);
  assert.equal(one, same, 'two windows would take one message twice');
  assert.deepEqual(one?.peer, { id: 'lamp-1', roles: ['device'] });
  clock.pass(60_000);
  assert.equal(await find(name), one);
  await store.keepChannel(keeping('lamp-1', { ...shared, secret: systemRandom.bytes(16) }), by);
  clock.pass(60_000);
  const other = await find(name);
  assert.notEqual(other, one);
  await store.keepChannel(keeping('lamp-1', sharedSecret()), by);
  clock.pass(60_000);
  assert.equal(await find(name), undefined);
});

test('RFC 8613 §7.2: numbers go on after a start, and where a store of before is put back', async () => {
  const [store, clock] = [createMemoryStore(), testClock()];
  const shared = sharedSecret();
  const numberOf = async (from = store): Promise<number> => {
    await from.keepChannel(keeping('lamp-1', shared), by);
    const context = await createChannels({ store: from, clock, isShared: false })(channelName(shared));
    return (await context?.sequence.next()) ?? -1;
  };
  const first = await numberOf();
  const second = await numberOf();
  assert.ok(second > first);
  clock.pass(10_000);
  assert.ok((await numberOf(createMemoryStore())) > second, 'the copy knows of no number');
});

test('RFC 8613 §5.2: two processes answer one request, and never under one nonce', async () => {
  const [store, clock] = [createMemoryStore(), testClock()];
  const shared = sharedSecret();
  await store.keepChannel(keeping('lamp-1', shared), by);
  const device = deviceSide(shared);
  const processes = [1, 2].map(() =>
    oscoreServer({
      find: createChannels({ store, clock, isShared: true }),
      random: systemRandom,
      secured: async () => ({ code: 0x45, options: [], payload: systemRandom.bytes(9) }),
    }),
  );
  const sender = { key: 'lamp', signal: new AbortController().signal };
  const numbers = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const asked = await protectRequest(device, { code: 1, options: [], payload: nothing });
    for (const answering of processes) {
      const answer = await answering(asked.content, sender);
      const { partialIv } = openResponse(device, asked.binding, answer) ?? assert.fail('expected an answer');
      numbers.add(Buffer.from(partialIv ?? assert.fail('expected a number of its own')).toString('hex'));
    }
  }
  assert.equal(numbers.size, 4);
});

test('RFC 8613 §3: a channel proves its own device only, and there must be a session', async () => {
  const notify = createNotify(testClock());
  const ask = (device: string, id: string, roles = ['device']) =>
    notify.poll(request('GET', `/offers/${device}`, { peer: { id, roles } }), device);
  await assert.rejects(ask('lamp-1', 'lamp-1'), /expected the token of a session/);
  notify.setSession('lamp-1', systemRandom.bytes(32), { updateMode: 'client-initiated' });
  notify.setSession('lamp-2', systemRandom.bytes(32), { updateMode: 'client-initiated' });
  assert.equal((await ask('lamp-1', 'lamp-1')).status, 'ok');
  await assert.rejects(ask('lamp-1', 'lamp-2'), /expected the token of a session/);
  await assert.rejects(ask('lamp-1', 'lamp-1', ['operator']), /expected the token of a session/);
});
