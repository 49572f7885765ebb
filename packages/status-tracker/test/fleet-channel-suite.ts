/** What every FleetStore must do with secrets that are shared with devices, and numbers used there. */
import assert from 'node:assert/strict';
import type { Check } from './fleet-fixtures.ts';
import { by } from './fleet-fixtures.ts';

const secretOf = (fill: number): Uint8Array => new Uint8Array(24).fill(fill);

export function channelTests(check: Check): void {
  check('RFC 8613 §3.3: of each device one secret is kept, and no two are named alike', async (store) => {
    const lamp = { device: 'lamp-1', name: 'oscore 01 ', secret: secretOf(1) };
    assert.equal(await store.channel(lamp.name), undefined);
    assert.equal(await store.keepChannel(lamp, by), true);
    assert.deepEqual(await store.channel(lamp.name), lamp);
    assert.equal(await store.keepChannel({ ...lamp, device: 'lamp-2' }, by), false);
    const renamed = { ...lamp, name: 'oscore 02 ', secret: secretOf(2) };
    assert.equal(await store.keepChannel(renamed, by), true);
    assert.equal(await store.channel(lamp.name), undefined);
    assert.deepEqual(await store.channel(renamed.name), renamed);
    assert.equal(await store.keepChannel({ ...lamp, device: 'lamp-2' }, by), true, 'the name is free');
    const told = (await store.audit(9)).filter(({ act }) => act === 'channel secret kept');
    assert.deepEqual(
      told.map(({ subject }) => subject),
      ['lamp-2', 'lamp-1', 'lamp-1'],
    );
  });

  check('RFC 8613 §7.2: no number is given out twice, whoever asks at once', async (store) => {
    const lamp = { device: 'lamp-1', name: 'oscore 01 ', secret: secretOf(1) };
    await store.keepChannel(lamp, by);
    const firsts = await Promise.all(Array.from({ length: 8 }, () => store.takeNumbers(lamp.name, 64, 100)));
    assert.deepEqual(
      firsts.toSorted((a = 0, b = 0) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7].map((step) => 100 + 64 * step),
    );
    assert.equal(await store.takeNumbers(lamp.name, 64, 10_000), 10_000);
    assert.equal(await store.takeNumbers(lamp.name, 64, 0), 10_064);
    await store.keepChannel(lamp, by);
    assert.equal(await store.takeNumbers(lamp.name, 64, 0), 10_128, 'the same secret again');
    assert.equal(await store.takeNumbers('oscore 09 ', 64, 0), undefined);
  });
}
