/** What a power cut leaves beside bytes: bits that waver, granules that cannot be read or programmed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlashFault } from '@lapel/device';
import type { Carried, NorFlash, NorFlashOptions, Torn } from '../src/flash.ts';
import { FlashMisuse, PowerCut, norFlash } from '../src/flash.ts';
import { seededRandom } from '../src/random.ts';

const geometry = { pageBytes: 64, granuleBytes: 8, pages: 4 } as const;
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

/** A flash on which the power goes in the one operation that is given. */
function cutIn(torn: Torn, act: (flash: NorFlash) => void, options: Partial<NorFlashOptions> = {}): NorFlash {
  const flash = norFlash({ geometry, ...options, cut: { operation: 0, torn } });
  assert.throws(() => act(flash), PowerCut);
  return flash;
}

/** The same chip, after the power has come back. */
const again = (flash: NorFlash, options: Partial<NorFlashOptions> = {}): NorFlash =>
  norFlash({ geometry, content: flash.dump(), carried: flash.carried(), ...options });

const readings = (flash: NorFlash, address: number, length: number) =>
  Array.from({ length: 40 }, () => flash.read(address, length).join());

test('S4-41: a cut between two granules leaves those before it done, and the rest as if never begun', () => {
  for (let granules = 0; granules <= 4; granules++) {
    const flash = again(cutIn({ kind: 'prefix', granules }, (each) => each.program(64, bytes(24, 5))));
    const done = Math.min(granules, 3) * 8;
    assert.deepEqual(flash.read(64, 24), new Uint8Array([...bytes(done, 5), ...bytes(24 - done, 0xff)]));
    if (done > 0) assert.throws(() => flash.program(64, bytes(8, 0)), FlashMisuse);
    flash.program(64 + done, bytes(24, 6));
  }
});

test('S4-41: a cut after some granules of an erase leaves a page that has to be erased again', () => {
  const content = bytes(256, 7);
  const torn = { kind: 'prefix', granules: 2 } as const;
  const flash = again(cutIn(torn, (each) => each.erase(64), { content }));
  assert.deepEqual(flash.read(64, 64), new Uint8Array([...bytes(16, 0xff), ...bytes(48, 7)]));
  assert.throws(() => flash.program(64, bytes(8, 0)), FlashMisuse);
  const whole = { kind: 'prefix', granules: 8 } as const;
  again(cutIn(whole, (each) => each.erase(64), { content })).program(64, bytes(64, 0));
});

test('S4-41: a granule whose program was torn is programmed in no later life without an erase', () => {
  const wanted = bytes(8, 0xfe);
  for (const kind of ['bits', 'metastable', 'ecc'] as const) {
    for (let seed = 0; seed < 20; seed++) {
      let flash = cutIn({ kind, seed }, (each) => each.program(8, wanted));
      for (let life = 0; life < 3; life++) {
        flash = again(flash);
        assert.throws(() => flash.program(8, wanted), FlashMisuse, `${kind}, seed ${seed}, life ${life}`);
      }
      flash.program(16, wanted);
      flash.erase(0);
      again(flash).program(8, wanted);
    }
  }
});

test('S4-41: a page whose erase was torn takes no program before another, even where it reads erased', () => {
  for (const kind of ['bits', 'metastable', 'ecc'] as const) {
    const flash = again(cutIn({ kind, seed: 1 }, (each) => each.erase(64)));
    assert.throws(() => flash.program(64, bytes(8, 0)), FlashMisuse, kind);
    flash.erase(64);
    flash.program(64, bytes(8, 0));
  }
});

test('S4-41: a program of nothing but ones is remembered by the chip, not by the bytes', () => {
  const flash = norFlash({ geometry });
  flash.program(0, bytes(8, 0xff));
  assert.throws(() => again(flash).program(0, bytes(8, 1)), FlashMisuse);
  norFlash({ geometry, content: flash.dump() }).program(0, bytes(8, 1));
});

test('S4-41: the bits that a torn program was to clear waver, and all others are steady', () => {
  const wanted = seededRandom(3).bytes(24);
  const torn = { kind: 'metastable', seed: 4, granules: 1 } as const;
  const flash = again(cutIn(torn, (each) => each.program(64, wanted)));
  const seen = Array.from({ length: 60 }, () => flash.read(64, 24));
  for (let bit = 0; bit < 192; bit++) {
    const found = new Set(seen.map((each) => ((each[bit >> 3] ?? 0) >> (bit & 7)) & 1));
    const isCleared = (((wanted[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0;
    const isInMiddle = bit >= 64 && bit < 128;
    assert.equal(found.size, isInMiddle && isCleared ? 2 : 1, `bit ${bit}`);
  }
  const middles = seen.map((each) => each.subarray(8, 16).join());
  assert.ok(middles.includes(wanted.subarray(8, 16).join()), 'the granule is read as if it were whole');
  assert.ok(middles.includes(bytes(8, 0xff).join()), 'the granule is read as if it were erased');
});

test('S4-41: the bits that a torn erase was to raise waver: the old page is read, or an erased one', () => {
  const content = seededRandom(5).bytes(256);
  const flash = again(cutIn({ kind: 'metastable', seed: 6 }, (each) => each.erase(64), { content }));
  const seen = readings(flash, 64, 64);
  assert.ok(seen.includes(content.subarray(64, 128).join()));
  assert.ok(seen.includes(bytes(64, 0xff).join()));
  assert.ok(new Set(seen).size > 3);
  assert.deepEqual(flash.read(0, 64), content.subarray(0, 64));
  assert.deepEqual(flash.read(128, 128), content.subarray(128));
});

test('S4-41: bits waver in every later life, until their page is erased', () => {
  let flash = cutIn({ kind: 'metastable', seed: 7 }, (each) => each.program(0, bytes(8, 0)));
  const lives = new Set<string>();
  for (let life = 0; life < 5; life++) {
    flash = again(flash);
    const seen = readings(flash, 0, 8);
    assert.ok(new Set(seen).size > 1, `life ${life}`);
    lives.add(seen.join(';'));
  }
  assert.equal(lives.size, 5, 'each life reads them in its own way');
  flash.erase(0);
  flash.program(0, bytes(8, 1));
  assert.deepEqual(new Set(readings(again(flash), 0, 8)), new Set([bytes(8, 1).join()]));
});

test('S4-41: an erase that is torn itself steadies no bit and mends no granule', () => {
  for (const kind of ['metastable', 'ecc'] as const) {
    const first = cutIn({ kind, seed: 8 }, (each) => each.program(0, bytes(8, 0)));
    const cut = { operation: 0, torn: { kind: 'bits', seed: 9 } } as const;
    const second = again(first, { cut });
    assert.throws(() => second.erase(0), PowerCut);
    const { unstable, bad } = second.carried();
    assert.ok(kind === 'ecc' ? bad.length > 0 : unstable.size > 0, kind);
  }
});

test('S4-41: a granule that error correction gave up on is a fault in each read that touches it', () => {
  const torn = { kind: 'ecc', seed: 1, granules: 1 } as const;
  const flash = again(cutIn(torn, (each) => each.program(64, bytes(24, 3))));
  assert.deepEqual(flash.read(64, 8), bytes(8, 3));
  assert.deepEqual(flash.read(80, 48), bytes(48, 0xff));
  for (const [address, length] of [
    [64, 9],
    [72, 1],
    [79, 1],
    [0, 256],
  ] as const) {
    assert.throws(() => flash.read(address, length), FlashFault);
    assert.throws(() => again(flash).read(address, length), FlashFault);
  }
  flash.erase(64);
  assert.deepEqual(flash.read(64, 64), bytes(64, 0xff));
});

test('S4-41: after a torn erase no granule that is neither old nor erased can be read', () => {
  const content = seededRandom(11).bytes(256);
  for (let seed = 0; seed < 20; seed++) {
    const flash = again(cutIn({ kind: 'ecc', seed }, (each) => each.erase(64), { content }));
    let faults = 0;
    for (let at = 64; at < 128; at += 8) {
      try {
        const found = flash.read(at, 8).join();
        assert.ok([content.subarray(at, at + 8).join(), bytes(8, 0xff).join()].includes(found));
      } catch (error) {
        assert.ok(error instanceof FlashFault, `seed ${seed}`);
        faults++;
      }
    }
    assert.ok(faults > 0, `seed ${seed}`);
    assert.deepEqual(flash.read(0, 64), content.subarray(0, 64));
    flash.erase(64);
    assert.deepEqual(flash.read(64, 64), bytes(64, 0xff));
  }
});

test('S4-41: a read fails where it is to fail, once, until the page is erased, or for ever', () => {
  const readFaults = [
    { address: 3, until: 'read' },
    { address: 70, until: 'erased' },
    { address: 130, until: 'never' },
  ] as const;
  const flash = norFlash({ geometry, readFaults });
  assert.throws(() => flash.read(0, 8), FlashFault);
  assert.deepEqual(flash.read(0, 64), bytes(64, 0xff));
  for (const page of [64, 128]) {
    assert.throws(() => flash.read(page, 64), FlashFault);
    assert.throws(() => flash.read(page, 64), FlashFault);
    flash.erase(page);
  }
  assert.deepEqual(flash.read(64, 64), bytes(64, 0xff));
  assert.throws(() => flash.read(128, 1), FlashFault);
  assert.throws(() => again(flash).read(135, 1), FlashFault);
  assert.deepEqual(flash.read(136, 56), bytes(56, 0xff));
});

test('§9: the same chip under the same seeds reads the same, whatever its copies do', () => {
  const life = () => {
    const cut = cutIn({ kind: 'metastable', seed: 12 }, (each) => each.program(0, bytes(16, 0)));
    return { cut, carried: cut.carried() };
  };
  const seenIn = (cut: NorFlash, carried: Carried) =>
    readings(norFlash({ geometry, content: cut.dump(), carried }), 0, 16);
  const [one, other] = [life(), life()];
  assert.deepEqual(seenIn(one.cut, one.carried), seenIn(other.cut, other.carried));
  assert.deepEqual(seenIn(one.cut, one.carried), seenIn(one.cut, one.carried));
});
