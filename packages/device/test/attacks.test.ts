/**
 * Attacks by name (RFC 9124 §4.2): somebody who holds the flash or a chip beside it, sits on the network, or
 * is the very process that hands an update over.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Profile } from '@lapel/device';
import {
  boot,
  class1,
  class1DeleteFirst,
  class1Overwrite,
  class1Swap,
  dualShared,
  heterogeneous,
  secureNormal,
  slotAt,
  twoStage,
} from '@lapel/device';
import type { ChipState, NorFlash, Release, Wanted } from '@lapel/simulator';
import { readFlash, seededRandom, workshop } from '@lapel/simulator';
import { given } from './life.ts';
import { chipOf, holds, lives, nameOf, offerOf, slotsIn, startsOf, stateOfChip } from './lives.ts';

const made = workshop(8);
const imagePages = 4;

async function released(profile: Profile, sequence: number, bytes: number): Promise<Release> {
  const mains = profile.layout.components.filter(({ role }) => role !== 'recovery');
  const [first, ...rest] = mains.map(({ identifier }): Wanted => [identifier, bytes]);
  return made.release(sequence, first ?? assert.fail('expected a component'), ...rest);
}

async function deviceOf(profile: Profile) {
  const helper = profile.layout.components.find(({ role }) => role === 'recovery');
  const helpers = helper === undefined ? [] : [await made.release(1, [helper.identifier, 2001])];
  return made.device(profile, [await released(profile, 1, 3001), ...helpers]);
}

/** The chip with what lies behind an address put back to what it was. */
function putBack(now: ChipState, then: ChipState, address: number): ChipState {
  const content = now.content.slice();
  content.set(then.content.subarray(address), address);
  return { content };
}

test('X-46, S4-118: external flash put back to an older copy boots nothing of it', async () => {
  const profile = heterogeneous({ imagePages });
  const external = slotAt(profile.layout, 2).envelope.address;
  const flash = chipOf(profile, await deviceOf(profile));
  const offers = [2, 3].map((sequence) => released(profile, sequence, 3000 + sequence));
  const [second, third] = await Promise.all(offers);
  await lives({ profile, flash, offers: second === undefined ? [] : [second] });
  const older = stateOfChip(flash);
  await lives({ profile, flash, offers: third === undefined ? [] : [third] });
  assert.equal(nameOf(boot(flash, profile)), '0+2');
  const swapped = chipOf(profile, putBack(stateOfChip(flash), older, external));
  const decision = boot(swapped, profile);
  // What runs is what was confirmed before, whole.
  assert.equal(nameOf(decision), '1+3');
  assert.match(decision.reason, /slot 2 refused/);
});

test('X-46, S4-118: what is staged on a chip beside, put back to an older copy, is not moved', async () => {
  const profile = class1Overwrite({ imagePages });
  const external = slotAt(profile.layout, 1).envelope.address;
  const flash = chipOf(profile, await deviceOf(profile));
  await lives({ profile, flash, offers: [await released(profile, 2, 3002)], untilRestart: true });
  const older = stateOfChip(flash);
  await lives({ profile, flash, offers: [] });
  const third = await released(profile, 3, 3003);
  await lives({ profile, flash, offers: [third], untilRestart: true });
  const swapped = chipOf(profile, putBack(stateOfChip(flash), older, external));
  const decision = boot(swapped, profile);
  assert.equal(nameOf(decision), '0');
  assert.match(decision.reason, /^slot 0 confirmed; slot 1 refused: /);
  assert.deepEqual(slotsIn(profile, swapped), ['confirmed 2', 'unusable']);
});

const layouts = {
  class1,
  class1Overwrite,
  class1Swap,
  class1DeleteFirst,
  secureNormal,
  dualShared,
  twoStage,
  heterogeneous,
} as const;

/** The slots whose images wait for their trial. */
const waitingIn = (profile: Profile, flash: NorFlash): readonly number[] =>
  slotsIn(profile, flash).flatMap((state, slot) => (state === 'trial 2' ? [slot] : []));

for (const [name, make] of Object.entries(layouts)) {
  test(`X-46, S4-118: ${name}: an image swapped between its check and its start is not booted`, async () => {
    const profile = make({ imagePages });
    const flash = chipOf(profile, await deviceOf(profile));
    const [update, other] = [await released(profile, 2, 3002), await released(profile, 2, 3002)];
    // A device that deletes first restarts once more, for its recovery application.
    const lifes = make === class1DeleteFirst ? 2 : 1;
    for (let life = 0; life < lifes; life++) {
      await lives({ profile, flash, offers: [update], untilRestart: true });
    }
    const [slot = -1] = waitingIn(profile, flash);
    assert.ok(holds(profile, flash, slot, update), 'it waits for its start');
    // Another image, then with the envelope that is right for it, authentic and equally new.
    const place = slotAt(profile.layout, slot);
    const content = new Uint8Array(flash.dump());
    const image = [...other.images.values()][0] ?? new Uint8Array();
    content.set(image, place.image.address);
    const swaps = [content.slice()];
    content.set(other.envelope, place.envelope.address);
    swaps.push(content);
    for (const swapped of swaps) {
      const after = chipOf(profile, { content: swapped });
      const decision = boot(after, profile);
      assert.ok(!decision.reason.includes('trial'), decision.reason);
      const isOld = decision.boot === 'slot' && decision.running.every((each) => each.sequenceNumber === 1);
      assert.ok(isOld, decision.reason);
      assert.equal(decision.isRecovery, make === class1DeleteFirst);
    }
  });
}

test('X-21, X-56: bytes that their owner changes after the check are not installed', async () => {
  const profile = class1({ imagePages });
  const update = await released(profile, 2, 3002);
  const places = Array.from({ length: 40 }, (_, index) => Math.floor((index * update.envelope.length) / 40));
  for (const at of places) {
    const flash = chipOf(profile, await deviceOf(profile));
    const shared = update.envelope.slice();
    const candidate = { ...offerOf(update), envelope: shared };
    const seen = await lives({
      profile,
      flash,
      offers: [candidate],
      releases: [update],
      onStep(step) {
        if (step === 'manifest-validated') shared[at] = (shared[at] ?? 0) ^ 0xff;
      },
    });
    assert.equal(startsOf(seen), '0 1t', `byte ${at}`);
    assert.deepEqual(flash.read(slotAt(profile.layout, 1).envelope.address, shared.length), update.envelope);
  }
});

test('X-21, X-56: nor those of another manifest, put in their place while the image arrives', async () => {
  const profile = class1({ imagePages });
  const [update, evil] = [await released(profile, 2, 3002), await released(profile, 2, 3002)];
  const flash = chipOf(profile, await deviceOf(profile));
  const shared = update.envelope.slice();
  const seen = await lives({
    profile,
    flash,
    offers: [{ ...offerOf(update), envelope: shared }],
    releases: [update, evil],
    link: (upstream) => async (asked) => {
      shared.set(evil.envelope.subarray(0, shared.length));
      return upstream(asked);
    },
    onStep: (step) => void (step === 'fetching' && shared.fill(0)),
  });
  assert.equal(startsOf(seen), '0 1t');
  assert.equal(readFlash(flash.dump(), profile.layout).slots[1]?.digest, update.digest);
});

test('X-15, X-53: nothing may hide behind an image in its slot, whatever the layout', async () => {
  for (const make of [class1, class1Overwrite, class1Swap, secureNormal]) {
    const profile = make({ imagePages });
    const flash = chipOf(profile, await deviceOf(profile));
    await lives({ profile, flash, offers: [await released(profile, 2, 3002)], untilRestart: true });
    const [slot = -1] = waitingIn(profile, flash);
    const { image } = slotAt(profile.layout, slot);
    const content = flash.dump();
    content.set(seededRandom(1).bytes(64), image.address + image.bytes - 64);
    const decision = boot(chipOf(profile, { content }), profile);
    assert.ok(!decision.reason.includes('on trial'), `${profile.name}: ${decision.reason}`);
  }
});

test('X-47, X-45: what a stranger offers is refused before anything is asked for, or written', async () => {
  const profile = class1({ imagePages });
  const stranger = workshop(9);
  const [{ identifier: main }] = profile.layout.components;
  const foreign = await stranger.release(2, [main, 3002]);
  const flash = chipOf(profile, await deviceOf(profile));
  const seen = await lives({
    profile,
    flash,
    offers: [given(foreign.envelope)],
    link: () => async () => assert.fail('expected no request'),
  });
  assert.match(seen.steps[0]?.[1] ?? '', /expected a signature of a trusted key, found another$/);
  assert.equal(flash.operations, 0);
});
