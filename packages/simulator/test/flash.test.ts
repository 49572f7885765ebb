/** The model of NOR flash: it has the habits of the real thing, and says when a device breaks its rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlashMisuse, PowerCut, norFlash } from '../src/flash.ts';
import { seededRandom } from '../src/random.ts';

const geometry = { pageBytes: 64, granuleBytes: 8, pages: 4 } as const;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

test('S4-41: programming clears bits of erased granules only, and erasing sets a whole page', () => {
  const flash = norFlash({ geometry });
  flash.program(64, bytes(16, 0x5a));
  assert.deepEqual(flash.read(64, 17), new Uint8Array([...bytes(16, 0x5a), 0xff]));
  assert.throws(() => flash.program(72, bytes(8, 0)), FlashMisuse);
  flash.erase(64);
  assert.deepEqual(flash.read(64, 64), bytes(64, 0xff));
  flash.program(72, bytes(8, 0));
  assert.equal(flash.operations, 3);
});

test('S4-41: a granule is programmed once between two erases, even with nothing but ones', () => {
  const flash = norFlash({ geometry });
  flash.program(0, bytes(8, 0xff));
  assert.throws(() => flash.program(0, bytes(8, 1)), FlashMisuse);
  flash.erase(0);
  flash.program(0, bytes(8, 1));
});

test('S4-41: what is not aligned, or outside, is a mistake of the device', () => {
  const flash = norFlash({ geometry });
  for (const bad of [
    () => flash.program(4, bytes(8, 0)),
    () => flash.program(0, bytes(7, 0)),
    () => flash.program(256, bytes(8, 0)),
    () => flash.erase(8),
    () => flash.erase(256),
    () => flash.read(250, 7),
    () => flash.read(-1, 1),
  ]) {
    assert.throws(bad, FlashMisuse);
  }
  assert.equal(flash.operations, 0);
});

test('S4-41: a cut before an operation leaves nothing of it, and nothing works behind it', () => {
  const flash = norFlash({ geometry, cut: { operation: 1, torn: false } });
  flash.program(0, bytes(8, 1));
  assert.throws(() => flash.program(8, bytes(8, 2)), PowerCut);
  for (const use of [() => flash.read(0, 1), () => flash.erase(0), () => flash.program(16, bytes(8, 3))]) {
    assert.throws(use, PowerCut);
  }
  assert.deepEqual(flash.dump().subarray(0, 24), new Uint8Array([...bytes(8, 1), ...bytes(16, 0xff)]));
});

test('S4-41: a torn program leaves whole granules, one with some of its bits, and then none', () => {
  const kinds = new Set<string>();
  const wanted = seededRandom(1)
    .bytes(32)
    .map((byte) => byte & 0x7e);
  for (let seed = 0; seed < 200; seed++) {
    const flash = norFlash({ geometry, cut: { operation: 0, torn: seededRandom(seed) } });
    assert.throws(() => flash.program(0, wanted), PowerCut);
    const left = flash.dump();
    const granules = [0, 8, 16, 24].map((at) => {
      const found = left.subarray(at, at + 8);
      if (found.every((byte) => byte === 0xff)) return 'none';
      return found.every((byte, index) => byte === wanted[at + index]) ? 'all' : 'some';
    });
    assert.match(granules.join(' '), /^(all ?)*(some|none)?( none)*$/, `seed ${seed}`);
    assert.ok(
      wanted.every((byte, at) => ((left[at] ?? 0) & byte) === byte),
      `seed ${seed}: no bit is cleared that was to stay`,
    );
    kinds.add(granules.join(' '));
  }
  assert.ok(kinds.size >= 4, 'each prefix happens');
});

test('S4-41: a torn erase leaves some bits risen and others not, and clears none', () => {
  const content = seededRandom(2).bytes(256);
  let mixed = 0;
  for (let seed = 0; seed < 100; seed++) {
    const flash = norFlash({ geometry, content, cut: { operation: 0, torn: seededRandom(seed) } });
    assert.throws(() => flash.erase(64), PowerCut);
    const left = flash.dump();
    for (let at = 0; at < 256; at++) {
      const [before, after] = [content[at] ?? 0, left[at] ?? 0];
      if (at < 64 || at >= 128) assert.equal(after, before, `seed ${seed}, byte ${at}`);
      else assert.equal(after & before, before, `seed ${seed}, byte ${at}`);
    }
    if (left.subarray(64, 128).some((byte) => byte !== 0xff)) mixed++;
  }
  assert.ok(mixed > 90, 'most torn erases are not whole');
});

test('§9: the same seed tears in the same way', () => {
  const torn = (seed: number) => {
    const flash = norFlash({ geometry, cut: { operation: 0, torn: seededRandom(seed) } });
    assert.throws(() => flash.program(0, bytes(64, 0)), PowerCut);
    return flash.dump();
  };
  assert.deepEqual(torn(5), torn(5));
  assert.notDeepEqual(torn(5), torn(6));
});
