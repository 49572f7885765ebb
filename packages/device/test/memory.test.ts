/** The working memory of a Class 1 device: all of it counted, and never more than there is (S0-12). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot, recover } from '@lapel/device';
import type { Part } from '@lapel/simulator';
import { component, makeUpdate, seededRandom, servedFromMemory } from '@lapel/simulator';
import { createArena } from '../src/storage/arena.ts';
import { given, liveUntilQuiet, offers, stepNames } from './life.ts';
import { bring, firmware, made as ruinedDevice, stranded } from './stranded.ts';
import { className, flashOf, make } from './world.ts';

const class1Bytes = 10_240;
const made = await make({ imagePages: 12, imageBytes: 18_003 });
const image = seededRandom(3).bytes(20_011);

/** An update on a device with so much memory, and the most that each of its procedures took. */
async function update(format: Part['format'], ramBytes = class1Bytes) {
  const payloads: Uint8Array[] = [image];
  const envelope = await makeUpdate({
    parts: [{ component, image, ...(format === undefined ? {} : { format }) }],
    sequence: 2,
    version: '1.2.0',
    className,
    key: made.author,
    onPayload: (content) => payloads.push(content),
  });
  const connect = () => offers(() => given(envelope));
  const small = { ...made, profile: { ...made.profile, ramBytes } };
  const flash = flashOf(made);
  const lived = await liveUntilQuiet(small, { flash, handler: servedFromMemory(payloads), connect });
  const told = lived.steps.find(([step]) => step === 'image-verified')?.[1] ?? '';
  const booting = lived.decisions.map((each) => (each.boot === 'slot' ? each.ramBytes : 0));
  return { ...lived, flash, peaks: [Number(/in (\d+) bytes/.exec(told)?.[1] ?? 0), ...booting] };
}

for (const [name, format] of [
  ['a payload that is the image', undefined],
  ['a compressed one', 'compressed'],
  ['a difference', { precursor: made.image }],
] as const) {
  test(`S0-12: ${name} is installed and booted in ${class1Bytes} bytes of working memory`, async () => {
    const { peaks } = await update(format);
    assert.equal(peaks.length, 3);
    for (const peak of peaks) assert.ok(peak > 1000 && peak <= class1Bytes, `found ${peaks.join(', ')}`);
  });
}

test('S0-12, S4-48: what needs more memory than there is, is refused and nothing written', async () => {
  const { peaks } = await update('compressed');
  const lived = await update('compressed', (peaks[0] ?? 0) - 1);
  assert.equal(stepNames(lived).at(-1), 'failed');
  assert.match(lived.steps.at(-1)?.[1] ?? '', /expected \d+ bytes for .*, found \d+ of \d+ left/);
  assert.equal(lived.flash.operations, 0);
});

test('S0-12, S4-46: a recovery over a line fits, however often it is begun anew', () => {
  const { flash, nothing } = stranded();
  const wrong = { ...firmware, image: firmware.image.with(9, 0) };
  for (let round = 0; round < 5; round++) assert.equal(bring(flash, nothing, wrong).is, 'refused');
  assert.equal(bring(flash, nothing, firmware).is, 'done');
  const tight = { ...ruinedDevice.profile, ramBytes: 4000 };
  assert.equal(boot(stranded().flash, tight).boot, 'nothing');
  assert.ok(recover(stranded().flash, tight, nothing, () => undefined) !== undefined);
});

test('S0-12: an arena counts what is taken, gives back what is freed, and says what was missing', () => {
  const arena = createArena(2000);
  const lease = arena.take(1000, 'a window');
  assert.throws(() => arena.take(1000, 'a page'), {
    message: 'expected 1000 bytes for a page, found 488 of 2000 left',
  });
  lease.free();
  lease.free();
  arena.take(1488, 'a page');
  assert.equal(arena.peakBytes, 2000);
});
