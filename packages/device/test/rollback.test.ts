/** Nothing goes back to what was replaced: not by an old envelope, not by an old copy of the flash. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Counter } from '@lapel/device';
import { boot, class1, slotAt } from '@lapel/device';
import type { ChipState, Release } from '@lapel/simulator';
import { recoverOverLine, seededRandom, workshop } from '@lapel/simulator';
import { chipOf, flipped, lives, nameOf, slotsIn, startsOf, stateOfChip } from './lives.ts';

const made = workshop(6);
const profile = class1({ imagePages: 4 });
const [{ identifier: main }] = profile.layout.components;
const releases: Release[] = [];
for (let sequence = 1; sequence <= 5; sequence++) {
  releases.push(await made.release(sequence, [main, 3000 + sequence]));
}
const nth = (sequence: number): Release => releases[sequence - 1] ?? assert.fail(`no release ${sequence}`);
const factory = made.device(profile, [nth(1)]);

/** A register in hardware; `refuses` loses power as it is raised. */
function register(from = 0): Counter & { refuses: boolean } {
  let count = from;
  return {
    refuses: false,
    read: () => count,
    raise(to) {
      if (this.refuses) throw new Error('the power went');
      if (to < count) throw new RangeError(`expected at least ${count}, found ${to}`);
      count = to;
    },
  };
}

async function updated(state: ChipState, offers: readonly Release[], counter?: Counter): Promise<ChipState> {
  const flash = chipOf(profile, state);
  await lives({ profile, flash, offers, ...(counter === undefined ? {} : { counter }) });
  return stateOfChip(flash);
}

const rotten = (state: ChipState, ...slots: readonly number[]): ChipState =>
  slots.reduce((changed, slot) => flipped(changed, slotAt(profile.layout, slot).image.address + 7), state);

test('S4-40, X-40, X-41: an older envelope is refused, one in the middle too, after restarts', async () => {
  const state = await updated(factory, [nth(4)]);
  const flash = chipOf(profile, state);
  boot(flash, profile);
  const { operations } = flash;
  for (let restart = 0; restart < 2; restart++) {
    const { steps, decisions } = await lives({ profile, flash, offers: [nth(1), nth(2), nth(3)] });
    assert.equal(startsOf({ decisions }), '1');
    assert.deepEqual(
      steps.map(([, detail]) => detail),
      [1, 2, 3].map((found) => `expected sequence number 4 or higher, found ${found}`),
    );
  }
  assert.equal(flash.operations, operations, 'and nothing is written for any of them');
  assert.equal(startsOf(await lives({ profile, flash, offers: [nth(5)] })), '1 0t');
});

test('S4-40: an equal sequence number only with the very same digest', async () => {
  const twin = await made.release(4, [main, 3004]);
  const flash = chipOf(profile, await updated(factory, [nth(4)]));
  const { steps } = await lives({ profile, flash, offers: [twin] });
  const told = 'expected a sequence number above 4, found another manifest with it';
  assert.deepEqual(steps, [['failed', told]]);
  // Of the same one that has rotted there is no other copy: it is taken again.
  const bad = chipOf(profile, rotten(stateOfChip(flash), 1));
  const again = await lives({ profile, flash: bad, offers: [nth(4)] });
  assert.equal(startsOf(again), '0 1t');
});

test('S4-40: the floor is that of what was confirmed: a firmware that fails raises nothing', async () => {
  const flash = chipOf(profile, factory);
  const behaviour = ({ onTrial }: { readonly onTrial: boolean }) => (onTrial ? 'sick' : 'sound');
  await lives({ profile, flash, offers: [nth(4)], behaviour });
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'unusable']);
  assert.equal(startsOf(await lives({ profile, flash, offers: [nth(2)] })), '0 1t');
});

test('X-40, X-41: with a counter in hardware an older copy of the whole flash is noticed', async () => {
  const counter = register();
  const early = await updated(factory, [nth(2)], counter);
  assert.equal(counter.read(), 2);
  const late = await updated(early, [nth(3)], counter);
  assert.equal(counter.read(), 3);
  const flash = chipOf(profile, early);
  const nothing = boot(flash, profile, counter);
  assert.ok(nothing.boot === 'nothing');
  assert.equal(nothing.reason, 'no slot verifies; flash is older than its counter, which is at 3');
  // Over the line only what is not below the counter is taken, whatever the old flash has forgotten.
  const bring = (firmware: Release) => {
    const faults = { random: seededRandom(1) };
    return recoverOverLine({ flash, profile, nothing, firmware, faults, counter });
  };
  const refused = bring(nth(2));
  assert.ok(refused.is === 'refused');
  assert.equal(refused.because, 'expected sequence number 3 or higher, found 2');
  assert.equal(bring(nth(3)).is, 'done');
  const { decisions } = await lives({ profile, flash, offers: [], counter });
  assert.match(startsOf({ decisions }), /^[01]t$/);
  assert.equal(counter.read(), 3);
  // The true flash boots as ever.
  assert.equal(nameOf(boot(chipOf(profile, late), profile, counter)), '0');
});

test('X-40: without a counter an older copy of the whole flash is not noticed: it cannot be', async () => {
  const early = await updated(factory, [nth(2)]);
  await updated(early, [nth(3)]);
  // This is the limit that a check-in tells an operator as `not-protected`.
  const { decisions, statuses } = await lives({ profile, flash: chipOf(profile, early), offers: [] });
  assert.equal(startsOf({ decisions }), '1');
  assert.equal(statuses[0]?.rollbackProtection, 'not-protected');
  const counted = await lives({ profile, flash: chipOf(profile, early), offers: [], counter: register(2) });
  assert.equal(counted.statuses[0]?.rollbackProtection, 'counter');
});

test('S4-41: a power cut between a confirmation and the counter is mended at the next start', async () => {
  const counter = register();
  const state = await updated(factory, [nth(2)], counter);
  const flash = chipOf(profile, state);
  counter.refuses = true;
  await assert.rejects(lives({ profile, flash, offers: [nth(3)], counter }), /the power went/);
  assert.equal(counter.read(), 2);
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 3', 'confirmed 2']);
  counter.refuses = false;
  assert.equal(nameOf(boot(flash, profile, counter)), '0');
  assert.equal(counter.read(), 3);
});

test('S4-41: with a counter, too, a device goes back to its older image where the newer rots', async () => {
  const counter = register();
  const state = await updated(factory, [nth(2), nth(3)], counter);
  const flash = chipOf(profile, rotten(state, 0));
  const decision = boot(flash, profile, counter);
  assert.equal(nameOf(decision), '1');
  assert.match(decision.reason, /^slot 1 confirmed; slot 0 refused: /);
  // It stays so, and what is newer is taken.
  const { decisions } = await lives({ profile, flash, offers: [nth(4)], counter });
  assert.equal(startsOf({ decisions }), '1 0t');
  assert.equal(counter.read(), 4);
});

test('S4-40: a trial does not raise the counter, so what was before it may come back', async () => {
  const counter = register();
  const state = await updated(factory, [nth(2)], counter);
  const flash = chipOf(profile, state);
  const behaviour = ({ onTrial }: { readonly onTrial: boolean }) => (onTrial ? 'crashes' : 'sound');
  const { decisions } = await lives({ profile, flash, offers: [nth(3)], counter, behaviour });
  assert.equal(startsOf({ decisions }), '1 0t 0t 0t 1');
  assert.equal(counter.read(), 2);
});
