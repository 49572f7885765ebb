/**
 * A secure and a normal side: either alone or both at once, and never a mixture that nobody signed, whatever
 * rots and whoever holds the flash.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '@lapel/device';
import { Journal, boot, secureNormal, slotAt } from '@lapel/device';
import type { ChipState, NorFlash, Release } from '@lapel/simulator';
import { workshop } from '@lapel/simulator';
import { chipOf, flipped, holds, lives, nameOf, slotsIn, startsOf, stateOfChip } from './lives.ts';

const made = workshop(3);
const profile = secureNormal({ imagePages: 4 });
const { layout } = profile;
const [{ identifier: secure }, second] = layout.components;
const normal = second?.identifier ?? secure;

const one = await made.release(1, [secure, 3001], [normal, 2003]);
const both = await made.release(2, [secure, 3303], [normal, 2205]);
const onlySecure = await made.release(3, [secure, 3407]);
const onlyNormal = await made.release(4, [normal, 2111]);
const factory = made.device(profile, [one]);

/** The device after these updates, one after the other. */
async function after(...offers: readonly Release[]): Promise<ChipState> {
  const flash = chipOf(profile, factory);
  await lives({ profile, flash, offers });
  return stateOfChip(flash);
}

/** The device with a bit changed in these images. */
const rotten = (state: ChipState, ...slots: readonly number[]): ChipState =>
  slots.reduce((changed, slot) => flipped(changed, slotAt(layout, slot).image.address + 7), state);

const booted = (state: ChipState): string => nameOf(boot(chipOf(profile, state), profile));

test('S4-102: each side is updated alone, and the other one stays as it is', async () => {
  const flash = chipOf(profile, factory);
  assert.equal(startsOf(await lives({ profile, flash, offers: [onlySecure] })), '0+2 1+2t');
  assert.ok(holds(profile, flash, 1, onlySecure) && holds(profile, flash, 2, one));
  assert.equal(startsOf(await lives({ profile, flash, offers: [onlyNormal] })), '1+2 1+3t');
  assert.ok(holds(profile, flash, 1, onlySecure) && holds(profile, flash, 3, onlyNormal));
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'confirmed 3', 'confirmed 1', 'confirmed 4']);
});

test('S4-102: both at once: tried together, confirmed together, gone together', async () => {
  const flash = chipOf(profile, factory);
  const sick = await lives({
    profile,
    flash,
    offers: [both],
    behaviour: ({ onTrial }) => (onTrial ? 'crashes' : 'sound'),
  });
  assert.equal(startsOf(sick), '0+2 1+3t 1+3t 1+3t 0+2');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'unusable', 'confirmed 1', 'unusable']);
  assert.equal(booted(await after(both)), '1+3');
});

test('S4-102: one half of a trial that rots takes the other with it', async () => {
  for (const slot of [1, 3]) {
    const flash = chipOf(profile, factory);
    await lives({ profile, flash, offers: [both], untilRestart: true });
    const bad = chipOf(profile, rotten(stateOfChip(flash), slot));
    assert.equal(nameOf(boot(bad, profile)), '0+2', `slot ${slot}`);
    assert.deepEqual(slotsIn(profile, bad), ['confirmed 1', 'unusable', 'confirmed 1', 'unusable']);
  }
});

test('S4-102: one half of what is confirmed rots: what was before it boots, whole', async () => {
  const state = await after(both);
  for (const slot of [1, 3]) {
    const bad = chipOf(profile, rotten(state, slot));
    const decision = boot(bad, profile);
    assert.equal(nameOf(decision), '0+2', `slot ${slot}`);
    assert.deepEqual(decision.boot === 'slot' && decision.refused.map((each) => each.slot), [1, 3]);
  }
  // And without that, nothing: no half of it, with whatever else is there.
  for (const slots of [
    [1, 0],
    [3, 0],
    [1, 2],
    [3, 2],
  ]) {
    assert.equal(booted(rotten(state, ...slots)), 'nothing', `slots ${slots.join(' and ')}`);
  }
});

test('S4-102: a side that was updated alone since takes the place of what came together', async () => {
  const state = await after(both, onlyNormal);
  assert.deepEqual(slotsIn(profile, chipOf(profile, state)), [
    'confirmed 1',
    'confirmed 2',
    'confirmed 4',
    'confirmed 2',
  ]);
  assert.equal(booted(state), '1+2');
  // The later one rots: what came together is still whole.
  assert.equal(booted(rotten(state, 2)), '1+3');
  // One of those rots as well: the other is worth nothing alone.
  assert.equal(booted(rotten(state, 2, 3)), 'nothing');
  // The half that it replaced does not matter any more.
  assert.equal(booted(rotten(state, 3)), '1+2');
  // A later side is its author's to answer for: it goes with an earlier other one.
  assert.equal(booted(rotten(state, 1)), '0+2');
});

/** The slots filled by somebody who holds the flash: releases that are authentic, in a journal of theirs. */
function forged(...slots: readonly (Release | undefined)[]): NorFlash {
  const { content } = factory;
  const copy = content.slice();
  for (const { address, bytes } of [...layout.journal, ...layout.slots.flatMap((s) => [s.envelope, s.image])])
    copy.fill(0xff, address, address + bytes);
  slots.forEach((release, slot) => {
    if (release === undefined) return;
    const place = slotAt(layout, slot);
    copy.set(release.envelope, place.envelope.address);
    copy.set(imageIn(release, slot), place.image.address);
  });
  const flash = chipOf(profile, { content: copy });
  const journal = Journal.open(flash, layout.journal);
  slots.forEach((release, slot) => {
    if (release !== undefined) journal.append(confirmedIn(slot, release));
  });
  return flash;
}

const imageIn = ({ images }: Release, slot: number): Uint8Array =>
  [...images.values()][images.size === 1 || slot < 2 ? 0 : 1] ?? new Uint8Array();

const confirmedIn = (slot: number, release: Release): JournalRecord => ({
  name: 'confirmed',
  images: [[slot, imageIn(release, slot).length]],
  components: [slot < 2 ? secure : normal],
  digest: Uint8Array.from(Buffer.from(release.digest, 'hex')),
  sequenceNumber: release.sequence,
  envelopeBytes: release.envelope.length,
});

test('S4-102: parts of two releases, put together by somebody who holds the flash, never boot', () => {
  const mixtures: readonly (readonly [string, string, ...(Release | undefined)[]])[] = [
    ['new secure, old normal', 'nothing', both, undefined, one],
    ['old secure, new normal', 'nothing', one, undefined, both],
    ['new secure, nothing else', 'nothing', both],
    ['new normal, nothing else', 'nothing', undefined, undefined, both],
    ['new secure, old normal, and the whole old one', '1+2', both, one, one],
    ['both wholes, crosswise', '0+3', both, one, one, both],
    ['a later secure alone, and no normal', 'nothing', onlySecure],
    ['a later secure alone, with the old normal of a whole', '0+2', onlySecure, one, one],
    ['a later normal alone with half of a whole', '0+2', one, undefined, onlyNormal],
  ];
  for (const [name, expected, ...slots] of mixtures) {
    assert.equal(nameOf(boot(forged(...slots), profile)), expected, name);
  }
});

test('S4-102, X-40: a sequence number in the journal is that of the manifest, or worth nothing', async () => {
  // The old normal side, alone in its release, is said to be later than what it does not go with.
  const early = await made.release(1, [normal, 2003]);
  const told = forged(both, one, one, early);
  Journal.open(told, layout.journal).append({ ...confirmedIn(3, early), sequenceNumber: 9 } as JournalRecord);
  const decision = boot(told, profile);
  assert.equal(nameOf(decision), '1+2');
  assert.match(decision.reason, /slot 3 refused: expected sequence number 1 in the journal, found another/);

  for (const [slot, sequenceNumber] of [
    [0, 7],
    [2, 7],
    [0, 0],
  ] as const) {
    const flash = forged(one, undefined, one);
    const changed = { ...confirmedIn(slot, one), sequenceNumber } as JournalRecord;
    assert.equal(nameOf(boot(flash, profile)), '0+2');
    Journal.open(flash, layout.journal).append(changed);
    assert.equal(nameOf(boot(flash, profile)), 'nothing', `slot ${slot} as ${sequenceNumber}`);
  }
});
