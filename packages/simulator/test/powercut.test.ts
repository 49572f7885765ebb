/** The power-cut proof can fail: in worlds that are broken on purpose it finds what is wrong. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Flash, Region } from '@lapel/device';
import { norFlash } from '../src/flash.ts';
import { powercut } from '../src/powercut.ts';
import { judge, judgeBoots } from '../src/powercut-judge.ts';
import { powercutScenarios } from '../src/powercut-scenarios.ts';

const seed = 1;
const folder = await mkdtemp(join(tmpdir(), 'lapel-powercut-'));
after(() => rm(folder, { recursive: true }));
const scenarios = await powercutScenarios(folder, seed);
const [update] = scenarios;
const recovery = scenarios.at(-1);
assert.ok(update !== undefined);
const { layout } = update.profile;

const inside = (address: number, ...regions: readonly Region[]) =>
  regions.some((region) => address >= region.address && address < region.address + region.bytes);

/** A flash whose programs pass through the hands of somebody. */
const wired =
  (program: (flash: Flash, address: number, bytes: Uint8Array) => void) =>
  (flash: Flash): Flash => ({
    geometry: flash.geometry,
    read: (address, length) => flash.read(address, length),
    erase: (address) => flash.erase(address),
    program: (address, bytes) => program(flash, address, bytes),
  });

const typeOf = (bytes: Uint8Array) => bytes[2];
const inJournal = (address: number) => inside(address, ...layout.journal);

const broken: Readonly<Record<string, (flash: Flash) => Flash>> = {
  'the journal drops what is confirmed': wired((flash, address, bytes) => {
    if (!(inJournal(address) && typeOf(bytes) === 6)) flash.program(address, bytes);
  }),
  'the journal drops that a slot is being overwritten': wired((flash, address, bytes) => {
    if (!(inJournal(address) && typeOf(bytes) === 1)) flash.program(address, bytes);
  }),
  'attempts are not counted': wired((flash, address, bytes) => {
    if (!(inJournal(address) && typeOf(bytes) === 5)) flash.program(address, bytes);
  }),
  'a page of the image is lost': wired((flash, address, bytes) => {
    if (address !== layout.slots[1].image.address + 4096) flash.program(address, bytes);
  }),
  'the loader is erased': wired((flash, address, bytes) => {
    if (inside(address, layout.slots[1].image)) flash.erase(layout.loader.address);
    flash.program(address, bytes);
  }),
  'what is written to the new slot lands in the old one too': wired((flash, address, bytes) => {
    const { image } = layout.slots[1];
    flash.program(address, bytes);
    if (!inside(address, image)) return;
    const other = layout.slots[0].image.address + address - image.address;
    flash.erase(other);
    flash.program(other, bytes);
  }),
};

for (const [name, wire] of Object.entries(broken)) {
  test(`S4-41: the proof sees it where ${name}`, async () => {
    const crashing = name.startsWith('attempts') ? ({ behaviour: 'crashes' } as const) : {};
    const { violations } = await powercut({ ...update, ...crashing, wire }, { seed, tornEach: 0 });
    assert.ok(violations.length > 0);
  });
}

test('S4-46: the proof sees a recovery that is not finished', async () => {
  assert.ok(recovery?.brought !== undefined);
  const brought = { ...recovery.brought, image: recovery.brought.image.subarray(1) };
  const { violations } = await powercut({ ...recovery, brought }, { seed, tornEach: 0 });
  assert.match(violations.join('; '), /expected the device to be recovered, found it refused/);
  assert.match(violations.join('; '), /expected 3 confirmed, found receiving 3, confirmed 2/);
});

test('S4-41: the proof sees one flipped bit in a confirmed image', () => {
  const content = update.factory.slice();
  const at = layout.slots[0].image.address + 5;
  content[at] = (content[at] ?? 0) ^ 1;
  const flash = norFlash({ geometry: layout.geometry, content });
  assert.deepEqual(judge(update, flash, false), [
    'expected a confirmed image, found confirmed 1, empty',
    'expected slot content to match its manifest, found confirmed 1, empty',
  ]);
});

test('S4-41: the proof sees a floor that has fallen, and an update that did not end', () => {
  const flash = norFlash({ geometry: layout.geometry, content: update.factory });
  assert.deepEqual(judge(update, flash, false), []);
  const raised = { ...update, sequences: { old: 2, new: 3 } };
  assert.deepEqual(judge(raised, flash, false), ['expected floor 2, found 1']);
  assert.deepEqual(judge(update, flash, true), [
    'expected 2 confirmed, found confirmed 1, empty and floor 1',
  ]);
});

test('S4-41: the proof sees a start of an image that nobody signed, and a device that does not start', () => {
  const content = update.factory;
  const strange = { ...update, images: new Map() };
  const nothing = { boot: 'nothing', reason: 'no slot verifies' } as const;
  assert.deepEqual(judgeBoots(strange, [{ decision: nothing, flash: content }]), [
    'expected a bootable image, found no slot verifies',
  ]);
});
