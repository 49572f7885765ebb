/** RFC 9124 §4.3.21: whoever cannot sign cannot wear out a device's flash either. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@lapel/simulator';
import { readEnvelope, writeEnvelope } from '@lapel/suit';
import { refusals } from '../life.ts';
import { flashOf, make } from '../world.ts';

const updates = 10_000;

test('X-44, S4-48: ten thousand bad updates cost not one erase and not one program', async () => {
  const made = await make();
  const seed = 44;
  const random = seededRandom(seed);
  const { limits } = made.profile;
  const good = await made.release(random.bytes(3000), 9);
  const stranger = await made.release(random.bytes(3000), 9, made.deviceKey);
  const otherClass = await made.release(random.bytes(3000), 9, made.author, 'kettle');
  const older = await made.release(random.bytes(3000), 0);
  const bare = writeEnvelope({ ...readEnvelope(good, limits), blocks: [] });

  const bad = (): Uint8Array => {
    const kind = random.below(8);
    if (kind === 0) return random.bytes(random.below(limits.envelopeBytes + 100));
    if (kind === 1) return good.subarray(0, random.below(good.length));
    if (kind === 2) return stranger;
    if (kind === 3) return otherClass;
    if (kind === 4) return older;
    if (kind === 5) return bare;
    const flipped = good.slice();
    const at = random.below(flipped.length);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
    return flipped;
  };

  function* all() {
    for (let count = 0; count < updates; count++) yield bad();
  }
  const flash = flashOf(made);
  const refused = await refusals(made, flash, all());
  assert.equal(refused.length, updates, `seed ${seed}`);
  assert.deepEqual(new Set(refused.filter((each) => !/expected /.test(each))), new Set());
  assert.equal(flash.operations, 0, `seed ${seed}`);
  assert.deepEqual(flash.dump(), made.factory);
});
