/** The boot floor: below it nothing boots any more, however little else is left; it rises by signed order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSigningKey } from '@lapel/cose';
import { Journal, boot, class1, class1DeleteFirst, secureNormal, slotAt } from '@lapel/device';
import type { Candidate, Profile } from '@lapel/device';
import type { ChipState, Release } from '@lapel/simulator';
import { readFlash, recoverOverLine, seededRandom, workshop } from '@lapel/simulator';
import { componentName } from '@lapel/suit';
import type { FloorOrder } from './boot-floors.ts';
import { floorOrder } from './boot-floors.ts';
import { given } from './life.ts';
import { chipOf, flipped, lives, nameOf, slotsIn, startsOf, stateOfChip } from './lives.ts';

const made = workshop(5);
const profile = class1({ imagePages: 4 });
const [{ identifier: main }] = profile.layout.components;
const [one, two, three] = [
  await made.release(1, [main, 3001]),
  await made.release(2, [main, 3003]),
  await made.release(3, [main, 3005]),
];

async function updated(of: Profile, factory: ChipState, ...offers: readonly Release[]): Promise<ChipState> {
  const flash = chipOf(of, factory);
  await lives({ profile: of, flash, offers });
  return stateOfChip(flash);
}

const used = await updated(profile, made.device(profile, [one]), two);

const order = (to: number, changes: Partial<FloorOrder> = {}): Candidate =>
  given(floorOrder({ component: main, to, key: made.author, ...changes }));

/** The state after these orders, and what was said of those that were refused. */
async function ordered(state: ChipState, offers: readonly Candidate[], of = profile) {
  const flash = chipOf(of, state);
  const { steps, reports } = await lives({ profile: of, flash, offers });
  const refused = steps.flatMap(([step, detail]) => (step === 'failed' ? [detail] : []));
  return { state: stateOfChip(flash), refused, reports };
}

const floorsIn = ({ content }: ChipState, of = profile) => readFlash(content, of.layout).bootFloors;

/** The state with a bit changed in these images. */
const rotten = (state: ChipState, of: Profile, ...slots: readonly number[]): ChipState =>
  slots.reduce((changed, slot) => flipped(changed, slotAt(of.layout, slot).image.address + 7), state);

const booted = (state: ChipState, of = profile) => boot(chipOf(of, state), of);

test('S4-40: below the boot floor nothing boots, though it is whole and all that is left', async () => {
  assert.equal(nameOf(booted(rotten(used, profile, 1))), '0', 'the older one is gone back to without it');
  const { state, refused } = await ordered(used, [order(2)]);
  assert.deepEqual(refused, []);
  assert.equal(floorsIn(state).get(componentName(main)), 2);
  assert.equal(nameOf(booted(state)), '1');
  const stranded = booted(rotten(state, profile, 1));
  assert.equal(nameOf(stranded), 'nothing');
  // Nor after the next restart, nor with the journal written anew.
  const flash = chipOf(profile, rotten(state, profile, 1));
  Journal.open(flash, profile.layout.journal).duplicate();
  for (let start = 0; start < 3; start++) assert.equal(nameOf(boot(flash, profile)), 'nothing');
});

test('S4-40: nor is anything below it recovered over a line; what is not below it, is', async () => {
  const { state } = await ordered(used, [order(2)]);
  const flash = chipOf(profile, rotten(state, profile, 1));
  const bring = (firmware: Release) => {
    const nothing = boot(flash, profile);
    assert.ok(nothing.boot === 'nothing');
    return recoverOverLine({ flash, profile, nothing, firmware, faults: { random: seededRandom(1) } });
  };
  assert.equal(bring(one).is, 'refused');
  assert.equal(bring(three).is, 'done');
  assert.match(nameOf(boot(flash, profile)), /^[01]t$/);
});

test('S4-40: it rises to what is confirmed and never falls; the same again writes nothing', async () => {
  const above = await ordered(used, [order(3)]);
  assert.deepEqual(above.refused, ['expected a boot floor of at most 2, as confirmed, found 3']);
  assert.equal(floorsIn(above.state).size, 0);
  const risen = await ordered(used, [order(2), order(1)]);
  assert.equal(floorsIn(risen.state).get(componentName(main)), 2);
  const flash = chipOf(profile, risen.state);
  boot(flash, profile);
  const { operations } = flash;
  await lives({ profile, flash, offers: [order(2), order(2), order(1), order(2)] });
  assert.equal(flash.operations, operations);
});

test('S4-40: it does not rise above what is still there: no order strands a device', async () => {
  // What was confirmed last has rotted, and the device runs what was before it.
  const flash = chipOf(profile, rotten(used, profile, 1));
  assert.equal(nameOf(boot(flash, profile)), '0');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 1', 'unusable']);
  const { refused, state } = await ordered(stateOfChip(flash), [order(2)]);
  assert.deepEqual(refused, ['expected a boot floor of at most 1, as confirmed, found 2']);
  assert.equal(nameOf(booted(state)), '0');
});

test('S4-40, X-47: it rises on a trusted order only, and on none that makes no sense', async () => {
  const garbage = Uint8Array.of(0x82, 0x80);
  const unknown = [Uint8Array.of(9)];
  const { refused, state } = await ordered(used, [
    order(2, { key: generateSigningKey('P-256') }),
    order(2, { content: garbage }),
    order(2, { component: unknown }),
  ]);
  assert.equal(refused.length, 3);
  assert.match(refused[0] ?? '', /expected a signature of a trusted key, found another$/);
  assert.match(refused[1] ?? '', /^boot floor: /);
  assert.equal(refused[2], 'expected a component of this device, found another');
  assert.equal(floorsIn(state).size, 0);
});

test('S4-40: whoever gave the order is told that it was followed', async () => {
  const binding = { nonce: new Uint8Array(16).fill(7), generation: 1 };
  const { reports } = await ordered(used, [{ ...order(2), binding }]);
  assert.equal(reports.length, 1);
});

test('S4-40, S4-102: each component has a boot floor of its own', async () => {
  const of = secureNormal({ imagePages: 4 });
  const [{ identifier: secure }, second] = of.layout.components;
  const normal = second?.identifier ?? secure;
  const factory = made.device(of, [await made.release(1, [secure, 3001], [normal, 2001])]);
  const [newer, onlyNormal] = [
    await made.release(2, [secure, 3003], [normal, 2003]),
    await made.release(3, [normal, 2005]),
  ];
  const state = await updated(of, factory, newer, onlyNormal);
  assert.equal(nameOf(booted(state, of)), '1+2');
  const floor = await ordered(state, [order(3, { component: normal })], of);
  assert.deepEqual([...floorsIn(floor.state, of)], [[componentName(normal), 3]]);
  // The secure side may still go back, the normal one may not.
  assert.equal(nameOf(booted(rotten(floor.state, of, 1), of)), '0+2');
  assert.equal(nameOf(booted(rotten(state, of, 2), of)), '1+3');
  assert.equal(nameOf(booted(rotten(floor.state, of, 2), of)), 'nothing');
});

test('S4-40, S4-44: a recovery application below its boot floor boots no more, either', async () => {
  const of = class1DeleteFirst({ imagePages: 8 });
  const [{ identifier: start }, second] = of.layout.components;
  const helper = second?.identifier ?? start;
  const [old, better] = [await made.release(1, [helper, 2001]), await made.release(2, [helper, 2003])];
  const factory = made.device(of, [await made.release(1, [start, 3001]), old]);
  const flash = chipOf(of, factory);
  assert.equal(startsOf(await lives({ profile: of, flash, offers: [better] })), '0 2t 0');
  const floor = await ordered(stateOfChip(flash), [order(2, { component: helper })], of);
  assert.equal(nameOf(booted(rotten(floor.state, of, 0), of)), '2', 'it is not below its own');
  // Its place is filled with the older one by somebody who holds the flash.
  const forged = chipOf(of, rotten(floor.state, of, 0));
  const content = forged.dump();
  const place = slotAt(of.layout, 2);
  content.set(old.envelope, place.envelope.address);
  content.fill(0xff, place.image.address, place.image.address + place.image.bytes);
  content.set(old.image, place.image.address);
  const told = chipOf(of, { content });
  Journal.open(told, of.layout.journal).append({
    name: 'confirmed',
    images: [[2, old.image.length]],
    components: [helper],
    digest: Uint8Array.from(Buffer.from(old.digest, 'hex')),
    sequenceNumber: 1,
    envelopeBytes: old.envelope.length,
  });
  assert.equal(nameOf(boot(told, of)), 'nothing');
});
