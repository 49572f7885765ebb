/**
 * A device with room for one image: what runs hands the update over to a recovery application, which deletes
 * the old image and fetches the new one.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Booted, Step, UpdateSource } from '@lapel/device';
import { class1DeleteFirst } from '@lapel/device';
import type { NorFlash, Release } from '@lapel/simulator';
import { workshop } from '@lapel/simulator';
import type { Living } from './lives.ts';
import { chipOf, holds, lives, offerOf, slotsIn, startsOf } from './lives.ts';

const made = workshop(2);
const profile = class1DeleteFirst({ imagePages: 8 });
const [{ identifier: main }, helper] = profile.layout.components;
const recovery = helper?.identifier ?? main;

const old = await made.release(1, [main, 9001]);
const first = await made.release(1, [recovery, 4003]);
const update = await made.release(2, [main, 10_007]);
const better = await made.release(2, [recovery, 5003]);
const { content } = made.device(profile, [old, first]);
const device = () => chipOf(profile, { content });

test('S1-01, S4-44: the old image is whole until the update has been proved anew', async () => {
  const flash = device();
  const seen: [Step, boolean][] = [];
  const note = (step: Step) => void seen.push([step, holds(profile, flash, 0, old)]);
  const { order } = await lives({ profile, flash, offers: [update], onStep: note });
  assert.deepEqual(
    order.filter((each) => each.startsWith('starts') || each === 'restarting'),
    ['starts 0', 'restarting', 'starts 2', 'restarting', 'starts 1t'],
  );
  assert.deepEqual(seen.slice(0, 6), [
    ['manifest-validated', true],
    ['restarting', true],
    ['service-resumed', true],
    ['manifest-validated', true],
    ['fetching', true],
    ['image-verified', false],
  ]);
});

test('S1-01: what runs never overwrites itself: not one byte of an image before the handover', async () => {
  const flash = device();
  const before = flash.dump();
  await lives({ profile, flash, offers: [update], untilRestart: true });
  const [journal] = profile.layout.journal;
  const behind = profile.layout.trustStore[0].address;
  assert.deepEqual(flash.dump().subarray(behind), before.subarray(behind));
  assert.notDeepEqual(
    flash.dump().subarray(journal.address, behind),
    before.subarray(journal.address, behind),
  );
});

/** Offers an update to what starts, and nothing any more to the recovery application. */
function withdrawn(flash: NorFlash): Living {
  const done: UpdateSource = {
    announce: async () => true,
    report: async () => undefined,
    postpone: () => undefined,
    next: async () => undefined,
  };
  let asked = 0;
  const next = async () => (asked++ === 0 ? offerOf(update) : undefined);
  const connect = ({ isRecovery }: Booted) => (isRecovery ? done : { ...done, next });
  return { profile, flash, offers: [], connect, behaviour: ({ isRecovery }) => endsWith(isRecovery) };
  function endsWith(isRecovery: boolean) {
    if (asked > 0 && !isRecovery) throw new Error('it is back');
    return 'sound' as const;
  }
}

test('S4-44: a recovery application with nothing to do goes back to what it stands in for', async () => {
  const flash = device();
  await assert.rejects(lives(withdrawn(flash)), { message: 'it is back' });
  assert.ok(holds(profile, flash, 0, old));
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'empty', 'confirmed 1']);
});

test('S4-44: what the recovery application cannot install is not handed over a second time', async () => {
  const large = await made.release(2, [main, 17_000]);
  const both = await made.release(2, [main, 9001], [recovery, 5003]);
  for (const [offer, because] of [
    [large, 'expected an image of at most 16384 bytes, found 17000'],
    [both, 'expected an update that the recovery application can install, found one of itself too'],
  ] as const) {
    const flash = device();
    // Asked again and again, as by a server that has nothing else.
    const again: readonly Release[] = [offer, offer, offer];
    const { decisions, steps } = await lives({ profile, flash, offers: again });
    assert.equal(startsOf({ decisions }), '0 2 0');
    assert.deepEqual(
      steps.find(([step]) => step === 'failed'),
      ['failed', because],
    );
    assert.ok(holds(profile, flash, 0, old));
    assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'empty', 'confirmed 1']);
  }
});

test('S4-44: with the power gone in the middle the recovery application ends the update', async () => {
  const cut = { operation: 30, torn: false } as const;
  const flash = chipOf(profile, { content }, cut);
  await assert.rejects(lives({ profile, flash, offers: [update] }), { name: 'PowerCut' });
  const after = chipOf(profile, { content: flash.dump(), carried: flash.carried() });
  assert.ok(!holds(profile, after, 0, old), 'the old image is gone');
  assert.equal(startsOf(await lives({ profile, flash: after, offers: [update] })), '2 1t');
  assert.ok(holds(profile, after, 1, update));
});

test('S4-44: a better recovery application proves itself, and installs what comes next', async () => {
  const flash = device();
  const seen = await lives({ profile, flash, offers: [better, better, update] });
  assert.equal(startsOf(seen), '0 2t 1t');
  assert.deepEqual(slotsIn(profile, flash), ['empty', 'confirmed 2', 'confirmed 2']);
});

test('S4-44: the same recovery application, offered again, is not written again', async () => {
  const flash = device();
  await lives({ profile, flash, offers: [better] });
  const erases = flash.erasesOf(profile.layout.slots[2]?.image.address ?? 0);
  const again = chipOf(profile, { content: flash.dump(), carried: flash.carried() });
  const connect = (): UpdateSource => ({
    announce: async () => true,
    report: async () => void (reports += 1),
    postpone: () => undefined,
    next: async () => (reports < 5 ? offerOf(better, 1) : assert.fail('enough')),
  });
  let reports = 0;
  await assert.rejects(lives({ profile, flash: again, offers: [], connect }), { message: 'enough' });
  assert.equal(again.erasesOf(profile.layout.slots[2]?.image.address ?? 0), erases);
});

for (const [how, starts] of [
  ['sick', '0 2t 0'],
  ['crashes', '0 2t 2t 2t 0'],
] as const) {
  test(`S4-121: a recovery application that ${how} is given up, and not written again`, async () => {
    const flash = device();
    const behaviour = ({ onTrial, isRecovery }: Booted) => (onTrial && isRecovery ? how : 'sound');
    const seen = await lives({ profile, flash, offers: [better, better], behaviour });
    assert.equal(startsOf(seen), starts);
    assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'empty', 'unusable']);
    // The next one heals it.
    const third = await made.release(3, [recovery, 4999]);
    assert.equal(startsOf(await lives({ profile, flash, offers: [third] })), '0 2t 0');
    assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'empty', 'confirmed 3']);
  });
}
