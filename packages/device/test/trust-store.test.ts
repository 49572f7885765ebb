/** The trust store: two copies, and a device that believes nobody where both are gone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSigningKey, encodeWrappingKey, generateSigningKey, generateWrappingKey } from '@lapel/cose';
import { Journal, boot, flashBytes, manufacture, provision, readTrustStore } from '@lapel/device';
import { norFlash, readFlash, seededRandom } from '@lapel/simulator';
import { flashOf, make } from './world.ts';

const made = await make();
const { layout } = made.profile;
const [first, second] = layout.trustStore;

const damaged = (...addresses: readonly number[]) => {
  const content = made.factory.slice();
  for (const at of addresses) content[at] = (content[at] ?? 0) ^ 4;
  return flashOf(made, content);
};

test('S4-124: either copy of the trust store is enough, whichever byte of the other is damaged', () => {
  const whole = readTrustStore(flashOf(made), layout.trustStore);
  assert.equal(whole?.device, 'lamp-1');
  for (const { address } of layout.trustStore) {
    for (let at = address; at < address + 420; at += 7) {
      const flash = damaged(at);
      assert.equal(readTrustStore(flash, layout.trustStore)?.device, 'lamp-1', `byte ${at}`);
      assert.equal(boot(flash, made.profile).boot, 'slot', `byte ${at}`);
    }
  }
});

test('S4-85: with both copies damaged a device accepts nothing, boots nothing and writes nothing', () => {
  const seed = 4;
  const random = seededRandom(seed);
  for (let round = 0; round < 50; round++) {
    const flash = damaged(first.address + random.below(300), second.address + random.below(300));
    assert.equal(readTrustStore(flash, layout.trustStore), undefined, `seed ${seed}, round ${round}`);
    assert.deepEqual(boot(flash, made.profile), {
      boot: 'nothing',
      reason: 'expected a provisioned trust store, found none',
    });
    assert.equal(flash.operations, 0);
  }
});

test('S4-85: flash that nobody has provisioned holds no trust, be it blank, zero or noise', () => {
  const { geometry } = layout;
  const size = flashBytes(geometry);
  for (const content of [
    new Uint8Array(size),
    new Uint8Array(size).fill(0xff),
    seededRandom(9).bytes(size),
  ]) {
    const flash = norFlash({ geometry, content });
    assert.equal(readTrustStore(flash, layout.trustStore), undefined);
    assert.equal(boot(flash, made.profile).boot, 'nothing');
    assert.equal(flash.operations, 0);
  }
});

test('S4-124: what a device could not live with is not provisioned', () => {
  const { trackerKey: _, ...withoutTracker } = made.provision;
  const bad = [
    { ...made.provision, attempts: 0 },
    { ...withoutTracker, confirmBy: 'tracker' },
    { ...made.provision, anchors: [new Uint8Array([0xa0])] },
    { ...made.provision, anchors: [] },
    { ...made.provision, vendor: new Uint8Array(15) },
  ] as const;
  for (const content of bad) {
    const flash = flashOf(made);
    assert.throws(() => provision(flash, layout.trustStore, content));
    assert.equal(flash.operations, 0);
  }
});

test('S4-87: a device keeps up to two keys to decrypt with, and none that is no such key', () => {
  const [secret, pair] = [generateWrappingKey('A128KW'), generateSigningKey('P-256')];
  const flash = norFlash({ geometry: layout.geometry });
  const keys = [encodeWrappingKey(secret), encodeSigningKey(pair)];
  provision(flash, layout.trustStore, { ...made.provision, decryptionKeys: keys });
  const [first, second, ...more] = readTrustStore(flash, layout.trustStore)?.decryptionKeys ?? [];
  assert.deepEqual(first, secret);
  assert.deepEqual([second?.use, second?.kid, more.length], ['recover', pair.kid, 0]);
  const other = encodeSigningKey(generateSigningKey('Ed25519'));
  for (const decryptionKeys of [[...keys, ...keys], [other]]) {
    const empty = norFlash({ geometry: layout.geometry });
    assert.throws(() => provision(empty, layout.trustStore, { ...made.provision, decryptionKeys }));
    assert.equal(empty.operations, 0);
  }
});

test('S4-124: a factory whose power fails can begin anew, and ends with a device that boots', async () => {
  const whole = norFlash({ geometry: layout.geometry });
  manufacture(whole, made.profile, made.provision, made);
  for (let operation = 0; operation < whole.operations; operation += 1) {
    for (const torn of [false, seededRandom(operation)] as const) {
      const flash = norFlash({ geometry: layout.geometry, cut: { operation, torn } });
      assert.throws(() => manufacture(flash, made.profile, made.provision, made), { name: 'PowerCut' });
      const again = flashOf(made, flash.dump());
      if (readTrustStore(again, layout.trustStore) === undefined) {
        manufacture(again, made.profile, made.provision, made);
      }
      assert.equal(boot(again, made.profile).boot, 'slot', `operation ${operation}`);
      assert.equal(Journal.open(again, layout.journal).bootRecord.slots[0].state, 'confirmed');
    }
  }
});

test('S4-124: a factory refuses firmware that the device would not take or not boot', async () => {
  const { image } = made;
  const strange = await made.release(image, 1, made.deviceKey);
  const otherClass = await made.release(image, 1, made.author, 'kettle');
  const firmware = [
    { envelope: strange, image },
    { envelope: otherClass, image },
    { envelope: made.envelope, image: image.subarray(1) },
    { envelope: made.envelope, image: new Uint8Array(layout.slots[0].image.bytes + 1) },
  ];
  for (const each of firmware) {
    const flash = norFlash({ geometry: layout.geometry });
    assert.throws(() => manufacture(flash, made.profile, made.provision, each), { name: 'SuitError' });
    assert.equal(readTrustStore(flash, layout.trustStore), undefined, 'what is no device trusts nobody');
  }
});

test('S4-41: on a new device no damaged byte of the journal takes the only firmware away', () => {
  const begin = layout.journal[0].address;
  const end = layout.journal[1].address + layout.journal[1].bytes;
  for (let at = begin; at < end; at++) {
    if (made.factory[at] === 0xff && at % 16 !== 0) continue;
    const flash = damaged(at);
    assert.equal(boot(flash, made.profile).boot, 'slot', `byte ${at}`);
    assert.equal(readFlash(flash.dump(), layout).floor, 1, `byte ${at}`);
  }
});
