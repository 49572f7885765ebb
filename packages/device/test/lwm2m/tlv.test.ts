/** OMA's TLV alone: what is written is read, what is none is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTlv, writeTlv } from '@lapel/device/lwm2m';
import { seededRandom } from '@lapel/simulator';
import { integerFromTlv, integerToTlv } from '../../src/lwm2m/tlv.ts';

test('S3-07: TLV of any kind is read as it was written, and what is none is refused as a request', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const entries = Array.from({ length: random.below(6) }, () => ({
      kind:
        (['instance', 'resource', 'resources', 'resource-instance'] as const)[random.below(4)] ?? 'resource',
      id: random.below(random.below(2) === 0 ? 256 : 65_536),
      value: random.bytes([0, 7, 8, 255, 256, 70_000][random.below(6)] ?? 0),
    }));
    const bytes = writeTlv(entries);
    assert.deepEqual(readTlv(bytes), entries, `seed ${seed}`);
    const hostile = random.bytes(random.below(64));
    try {
      readTlv(hostile);
    } catch (error) {
      assert.equal((error as Error).name, 'Problem', `seed ${seed}`);
    }
  }
});

test('S3-07: a whole number is written in as few bytes as TLV has, and read with its sign', () => {
  for (const [value, bytes] of [
    [0, 1],
    [127, 1],
    [128, 2],
    [-128, 1],
    [-129, 2],
    [65_535, 4],
    [2 ** 31, 8],
    [-(2 ** 31), 4],
    [Number.MAX_SAFE_INTEGER, 8],
  ] as const) {
    const written = integerToTlv(value);
    assert.equal(written.length, bytes, String(value));
    assert.equal(integerFromTlv(written), value);
  }
  for (const bad of [[], [1, 2, 3], [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]])
    assert.throws(() => integerFromTlv(new Uint8Array(bad)), { name: 'Problem' });
});
