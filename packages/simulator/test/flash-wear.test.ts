/** What the model counts of a chip's wear, and what hardware protects. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlashMisuse, PowerCut, norFlash } from '../src/flash.ts';

const geometry = [
  { pageBytes: 64, granuleBytes: 8, pages: 2 },
  { pageBytes: 128, granuleBytes: 16, pages: 2 },
] as const;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

test('X-44: erases are counted for each page, and bytes that were programmed', () => {
  const flash = norFlash({ geometry });
  flash.erase(64);
  flash.program(64, bytes(16, 1));
  flash.erase(64);
  flash.erase(128);
  flash.program(144, bytes(32, 1));
  assert.deepEqual(
    [0, 63, 64, 127, 128, 255, 256].map((address) => flash.erasesOf(address)),
    [0, 0, 2, 2, 1, 1, 0],
  );
  assert.equal(flash.bytesProgrammed, 48);
  assert.equal(flash.operations, 5);
  assert.throws(() => flash.erasesOf(384), FlashMisuse);
});

test('X-44: wear is of the chip, and goes on in its next life; operations are those of one life', () => {
  const cut = { operation: 2, torn: { kind: 'bits', seed: 1, granules: 1 } } as const;
  const flash = norFlash({ geometry, cut });
  flash.erase(0);
  flash.program(0, bytes(8, 1));
  assert.throws(() => flash.program(8, bytes(24, 1)), PowerCut);
  const next = norFlash({ geometry, content: flash.dump(), carried: flash.carried() });
  assert.equal(next.bytesProgrammed, 24);
  next.erase(0);
  assert.deepEqual([next.erasesOf(0), next.operations, flash.erasesOf(0)], [2, 1, 1]);
});

test('X-44: a torn erase wears its page, and an operation that never began wears nothing', () => {
  const lives = (['before', 'bits'] as const).map((kind) => {
    const flash = norFlash({ geometry, cut: { operation: 0, torn: { kind, seed: 2 } } });
    assert.throws(() => flash.erase(128), PowerCut);
    return flash.erasesOf(128);
  });
  assert.deepEqual(lives, [0, 1]);
});

test('S4-47: what the hardware protects is never programmed nor erased, and trying changes nothing', () => {
  const content = bytes(384, 0xff);
  const flash = norFlash({ geometry, content, protectedRegions: [{ address: 64, bytes: 192 }] });
  for (const attempt of [
    () => flash.erase(64),
    () => flash.erase(128),
    () => flash.program(64, bytes(8, 0)),
    () => flash.program(56, bytes(16, 0)),
    () => flash.program(240, bytes(32, 0)),
  ]) {
    assert.throws(attempt, FlashMisuse);
  }
  assert.deepEqual(flash.dump(), content);
  assert.equal(flash.operations, 0);
  flash.erase(0);
  flash.program(56, bytes(8, 0));
  flash.program(256, bytes(16, 0));
});

test('S4-41: what one chip carries is refused by a chip of another size', () => {
  const carried = norFlash({ geometry }).carried();
  assert.throws(() => norFlash({ geometry: geometry[0], carried }), RangeError);
});
