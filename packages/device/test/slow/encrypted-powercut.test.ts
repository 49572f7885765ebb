/** An encrypted update whose power is lost: fetched, decrypted and tried all the same. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { class1Encrypted } from '@lapel/device';
import { norFlash, seededRandom, servedFromMemory } from '@lapel/simulator';
import { encryptedRelease, kept, shared } from '../encrypted.ts';
import { given, liveUntilQuiet, newImage, offers, seenIn } from '../life.ts';
import { flashOf, make } from '../world.ts';

const secret = shared();
const made = await make({
  profile: class1Encrypted({ imagePages: 16 }),
  imageBytes: 18_003,
  trust: { decryptionKeys: [kept(secret)] },
});
const { geometry, slots } = made.profile.layout;

for (const [algorithm, format] of [
  ['A128GCM', undefined],
  ['A128CTR', undefined],
  ['A128GCM', 'compressed'],
] as const) {
  test(`S1-13, S4-44: ${algorithm}, ${format ?? 'as it is'}: power lost at any operation`, async () => {
    const { envelope, payloads } = await encryptedRelease({
      image: newImage,
      sequence: 2,
      author: made.author,
      keys: [secret],
      algorithm,
      ...(format === undefined ? {} : { format }),
    });
    const handler = servedFromMemory(payloads);
    const connect = () => offers(() => given(envelope));
    const whole = flashOf(made);
    await liveUntilQuiet(made, { flash: whole, handler, connect });
    assert.ok(whole.operations > 100);
    for (let operation = 0; operation < whole.operations; operation++) {
      const torn = operation % 2 === 0 ? false : seededRandom(operation);
      const cut = norFlash({ geometry, content: made.factory, cut: { operation, torn } });
      const before = await liveUntilQuiet(made, { flash: cut, handler, connect });
      const flash = norFlash({ geometry, content: cut.dump(), carried: cut.carried() });
      const after = await liveUntilQuiet(made, { flash, handler, connect });
      const boots = [...before.decisions, ...after.decisions];
      assert.ok(
        boots.every((each) => each.boot === 'slot'),
        `operation ${operation}`,
      );
      assert.equal(seenIn(made, flash).floor, 2, `operation ${operation}`);
      assert.deepEqual(flash.read(slots[1].image.address, newImage.length), newImage);
    }
  });
}
