/** What a gateway must not forget, so that no nonce is used twice under the secrets that it shares. */
import assert from 'node:assert/strict';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FolderInUse, openNeighbours } from '@lapel/gateway';
import { systemClock, systemRandom } from '@lapel/transport';
import type { Content, OscoreContext } from '@lapel/transport/coap';
import { openResponse, oscoreContext, oscoreServer, protectRequest, secretOf } from '@lapel/transport/coap';
import { openOscoreNumbers } from '../src/oscore-numbers.ts';
import { folderOf } from './world.ts';

const secret = {
  secret: systemRandom.bytes(16),
  sender: systemRandom.bytes(7),
  recipient: Uint8Array.of(1),
};
/** A clock that has stood still since before there were numbers: so nothing but the file tells. */
const stopped = { ...systemClock, wallMs: () => 0 };

test('RFC 8613 §7.2.1: a folder as a power cut leaves it brings no number again', async (t) => {
  let folder = await folderOf(t);
  const used = new Set<number>();
  for (let start = 0; start < 5; start++) {
    const numbers = await openOscoreNumbers(folder, stopped);
    for (const count of [1, 64, 256, 5000, 64]) {
      const first = await numbers.take(count);
      for (let each = first; each < first + count; each++) {
        assert.ok(!used.has(each), `${each} at start ${start}`);
        used.add(each);
      }
    }
    // Whatever the process would still have written is not in the copy.
    const copy = join(await folderOf(t), 'after');
    await cp(folder, copy, { recursive: true });
    numbers.close();
    folder = copy;
  }
  assert.equal(used.size, 5 * 5385);
});

test('RFC 8613 §7.2.1: an emptied folder brings no number again, as the clock goes on', async (t) => {
  const folder = await folderOf(t);
  const before = await openOscoreNumbers(folder, systemClock);
  const last = await before.take(64);
  before.close();
  for (const file of await readdir(folder)) await rm(join(folder, file));
  const later = { ...systemClock, wallMs: () => systemClock.wallMs() + 600_000 };
  const after = await openOscoreNumbers(folder, later);
  assert.ok((await after.take(64)) >= last + 64);
  after.close();
});

test('RFC 8613 §7.4: two gateways on one folder would each take a request for new', async (t) => {
  const folder = await folderOf(t);
  const options = { folder, devices: [{ id: 'lamp-1', secret }], clock: systemClock };
  const first = await openNeighbours(options);
  await assert.rejects(openNeighbours(options), FolderInUse);
  first.close();
  (await openNeighbours(options)).close();
});

test('RFC 8613 §B.1.2: what was sent before a power cut is answered by none after it', async (t) => {
  const folder = await folderOf(t);
  let served = 0;
  const start = () => starting(folder, () => void (served += 1));
  const device = deviceSide();
  const ask = await protectRequest(device, get);
  const before = await start();
  assert.equal((await before.answer(ask.content)).code, 0x44);
  // It was not known to be new yet: it is told to prove that.
  const challenge = openResponse(device, ask.binding, await before.answer(ask.content));
  assert.equal(served, 0);
  const echo = challenge?.content.options ?? [];
  assert.ok(challenge?.partialIv, 'under a number of its own');
  const proven = await protectRequest(device, { ...get, options: echo });
  await before.answer(proven.content);
  assert.equal(served, 1);
  const again = await before.answer(proven.content);
  assert.equal(new TextDecoder().decode(again.payload), 'Replay detected');
  before.close();
  const after = await start();
  const replayed = openResponse(device, proven.binding, await after.answer(proven.content));
  assert.equal(replayed?.content.code, 0x81);
  assert.ok(replayed.partialIv, 'not under the nonce that was answered under');
  assert.equal(served, 1);
  after.close();
});

const get: Content = { code: 1, options: [], payload: new Uint8Array(0) };

function deviceSide(): OscoreContext {
  let taken = 0;
  return oscoreContext({
    ...secretOf(secret, 'device'),
    store: { take: async (count) => (taken += count) - count },
  });
}

async function starting(folder: string, onServed: () => void) {
  const devices = [{ id: 'lamp-1', secret }];
  const { find, close } = await openNeighbours({ folder, devices, clock: systemClock });
  const respond = oscoreServer({
    find,
    random: systemRandom,
    secured: async (_request, { peer }) => {
      assert.equal(peer?.id, 'lamp-1');
      onServed();
      return { code: 0x45, options: [], payload: systemRandom.bytes(9) };
    },
  });
  const sender = { key: 'lamp', signal: new AbortController().signal };
  return { close, answer: (content: Content) => respond(content, sender) };
}
