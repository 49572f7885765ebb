/** One update in each layout, end to end; and what is on flash afterwards. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Profile } from '@lapel/device';
import {
  Journal,
  boot,
  class1,
  class1DeleteFirst,
  class1Overwrite,
  class1Swap,
  dualShared,
  heterogeneous,
  imageBytesMax,
  secureNormal,
  slotAt,
  twoStage,
} from '@lapel/device';
import type { Release, Wanted } from '@lapel/simulator';
import { deviceClass, recoverOverLine, seededRandom, vendor, workshop } from '@lapel/simulator';
import { authenticate, class1 as limits, componentName, writeEnvelope } from '@lapel/suit';
import type { Seen } from './lives.ts';
import { chipOf, flipped, holds, lives, nameOf, noting, slotsIn, startsOf, stateOfChip } from './lives.ts';
import { className } from './world.ts';

const made = workshop(1);
const imagePages = 8;

interface Ends {
  readonly starts: string;
  readonly slots: readonly string[];
}

interface Row {
  readonly make: (options: { readonly imagePages: number }) => Profile;
  /** Where the new images run in the end. */
  readonly runs: readonly number[];
  readonly sound: Ends;
  /** After a new firmware that fails its self-test. */
  readonly sick: Ends;
}

const pairs = {
  runs: [1, 3],
  sound: { starts: '0+2 1+3t', slots: ['confirmed 1', 'confirmed 2', 'confirmed 1', 'confirmed 2'] },
  sick: { starts: '0+2 1+3t 0+2', slots: ['confirmed 1', 'unusable', 'confirmed 1', 'unusable'] },
} as const;

const rows: Readonly<Record<string, Row>> = {
  'S1-02, S4-43, S4-101: one processor, two slots': {
    make: class1,
    runs: [1],
    sound: { starts: '0 1t', slots: ['confirmed 1', 'confirmed 2'] },
    sick: { starts: '0 1t 0', slots: ['confirmed 1', 'unusable'] },
  },
  'S4-43: staged beside, then copied over the old one': {
    make: class1Overwrite,
    runs: [0],
    sound: { starts: '0 0t', slots: ['confirmed 2', 'empty'] },
    // The old firmware does not come back: what was copied over it is all there was.
    sick: { starts: '0 0t nothing', slots: ['unusable', 'empty'] },
  },
  'S4-43: staged beside, then exchanged with the old one': {
    make: class1Swap,
    runs: [0],
    sound: { starts: '0 0t', slots: ['confirmed 2', 'empty', 'confirmed 1'] },
    sick: { starts: '0 0t 0', slots: ['confirmed 1', 'empty', 'confirmed 1'] },
  },
  'S1-01, S4-44: the old one deleted first, by a recovery application': {
    make: class1DeleteFirst,
    runs: [1],
    sound: { starts: '0 2 1t', slots: ['empty', 'confirmed 2', 'confirmed 1'] },
    sick: { starts: '0 2 1t 2', slots: ['empty', 'unusable', 'confirmed 1'] },
  },
  'S4-102: a secure and a normal side': { make: secureNormal, ...pairs },
  'S4-103: two processors that share a memory': { make: dualShared, ...pairs },
  'S4-06: a bootloader of two stages': { make: twoStage, ...pairs },
  'S4-08, S4-09: firmware in internal flash, data on a chip beside it': { make: heterogeneous, ...pairs },
};

/** Components of which a release of each kind has images. */
const mainsOf = ({ layout }: Profile) => layout.components.filter(({ role }) => role !== 'recovery');

async function releaseFor(profile: Profile, sequence: number, bytes: number): Promise<Release> {
  const [first, ...rest] = mainsOf(profile).map(({ identifier }): Wanted => [identifier, bytes]);
  return made.release(sequence, first ?? assert.fail('expected a component'), ...rest);
}

async function deviceOf(profile: Profile) {
  const old = await releaseFor(profile, 1, 9001);
  const helper = profile.layout.components.find(({ role }) => role === 'recovery');
  const helpers = helper === undefined ? [] : [await made.release(1, [helper.identifier, 4003])];
  return { old, factory: made.device(profile, [old, ...helpers]) };
}

for (const [name, { make, runs, sound, sick }] of Object.entries(rows)) {
  test(`S4-65, ${name}: an update is where it runs, byte for byte, and confirmed`, async () => {
    const profile = make({ imagePages });
    const { factory } = await deviceOf(profile);
    const update = await releaseFor(profile, 2, 10_007);
    // Loader and trust store are what its hardware lets nobody write: S4-47, S4-06.
    const flash = chipOf(profile, factory);
    const seen = await lives({ profile, flash, offers: [update] });
    assert.equal(startsOf(seen), sound.starts);
    assert.deepEqual(slotsIn(profile, flash), sound.slots);
    for (const slot of runs) assert.ok(holds(profile, flash, slot, update), `slot ${slot}`);
    assert.deepEqual(
      measuredIn(seen),
      mainsOf(profile).map(({ identifier }) => componentName(identifier)),
    );
    // And it stays: the next start boots the same.
    const again = await lives({ profile, flash: chipOf(profile, stateOfChip(flash)), offers: [update] });
    assert.equal(startsOf(again), runs.join('+'));
  });

  test(`${name}: a firmware that fails its self-test ends as documented`, async () => {
    const profile = make({ imagePages });
    const { old, factory } = await deviceOf(profile);
    const update = await releaseFor(profile, 2, 10_007);
    const flash = chipOf(profile, factory);
    const behaviour = ({ onTrial }: { readonly onTrial: boolean }) => (onTrial ? 'sick' : 'sound');
    const seen = await lives({ profile, flash, offers: [update], behaviour });
    assert.equal(startsOf(seen), sick.starts);
    assert.deepEqual(slotsIn(profile, flash), sick.slots);
    sick.slots.forEach((state, slot) => {
      const isOld = state === 'confirmed 1' && mainsOf(profile).some(({ slots }) => slots.includes(slot));
      if (isOld) assert.ok(holds(profile, flash, slot, old), `slot ${slot}`);
    });
  });

  test(`${name}: an image larger than its place is refused before any of it is written`, async () => {
    const profile = make({ imagePages });
    const { factory } = await deviceOf(profile);
    const [{ identifier }] = profile.layout.components;
    const most = imageBytesMax(profile.layout);
    const flash = chipOf(profile, factory);
    const { flash: noted, written } = noting(flash);
    const large = await made.release(2, [identifier, most + 1]);
    const { steps } = await lives({ profile, flash: noted, offers: [large] });
    const why = steps.find(([step]) => step === 'failed')?.[1];
    assert.equal(why, `expected an image of at most ${most} bytes, found ${most + 1}`);
    for (const { envelope, image } of profile.layout.slots) {
      assert.deepEqual([written(envelope), written(image)], [0, 0]);
    }
    const fits = await made.release(3, [identifier, most]);
    assert.match(startsOf(await lives({ profile, flash, offers: [fits] })), /t$/);
  });
}

/** Components whose image the last start has measured. */
function measuredIn({ decisions }: Seen): readonly string[] {
  const last = decisions.at(-1);
  assert.ok(last?.boot === 'slot');
  return last.running.flatMap(({ component, measurement }) =>
    measurement === undefined ? [] : [componentName(component)],
  );
}

test('S1-02, S4-43: with two slots nothing is copied, and nothing is written that runs', async () => {
  for (const make of [class1, secureNormal, dualShared, twoStage, heterogeneous]) {
    const profile = make({ imagePages });
    const { layout } = profile;
    const { factory } = await deviceOf(profile);
    const update = await releaseFor(profile, 2, 10_007);
    const flash = chipOf(profile, { content: factory.content });
    const { flash: noted, written } = noting(flash);
    await lives({ profile, flash: noted, offers: [update] });
    layout.slots.forEach(({ envelope, image }, slot) => {
      const isNew = slot % 2 === 1;
      const pages = [envelope, image].flatMap(({ address, bytes, pageBytes }) =>
        Array.from({ length: bytes / pageBytes }, (_, page) => flash.erasesOf(address + page * pageBytes)),
      );
      assert.ok(
        pages.every((erases) => erases === (isNew ? 1 : 0)),
        `${profile.name}, slot ${slot}: ${pages.join(' ')}`,
      );
      if (!isNew) assert.equal(written(envelope) + written(image), 0);
    });
  }
});

/** A release whose image is linked for one slot, and for another that this device has not. */
async function linkedFor(slot: number, sequence: number): Promise<Release> {
  const image = seededRandom(sequence).bytes(9001);
  const linked = (of: number) => ({ image: 'linked', payload: 'published', slot: of }) as const;
  const [{ identifier: id }] = class1().layout.components;
  const built = await buildEnvelope(
    {
      sequence,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass(className),
      components: [{ id, images: [linked(slot), linked(slot + 2)], bootable: true }],
      severable: [],
    },
    {
      images: {
        measure: async () => ({ sizeBytes: image.length, digest: digest('sha-256', image) }),
        read: async () => image,
      },
      clock: { wallMs: () => 0 },
    },
  );
  const envelope = signEnvelope(writeEnvelope(built), made.author);
  const { digest: of } = authenticate(envelope, [{ key: made.author.public }], limits);
  return { sequence, envelope, image, digest: hex(of.bytes), images: new Map([[componentName(id), image]]) };
}

test('S4-101: an image that is linked for another slot is refused, and nothing of it written', async () => {
  const profile = class1({ imagePages });
  const { factory } = await deviceOf(profile);
  const flash = chipOf(profile, { content: factory.content });
  const { steps } = await lives({ profile, flash, offers: [await linkedFor(0, 2)] });
  assert.equal(steps.at(-1)?.[0], 'failed');
  assert.equal(flash.operations, 0);
  assert.equal(startsOf(await lives({ profile, flash, offers: [await linkedFor(1, 3)] })), '0 1t');
  // And in the other one, later, it is the other way round.
  assert.equal(startsOf(await lives({ profile, flash, offers: [await linkedFor(1, 4)] })), '1');
  assert.equal(startsOf(await lives({ profile, flash, offers: [await linkedFor(0, 5)] })), '1 0t');
  // Copied to the other slot by somebody who holds the flash, it is not run there either.
  const [from, to] = profile.layout.slots;
  const content = flash.dump();
  const whole = content.slice(from.envelope.address, from.image.address + from.image.bytes);
  content.set(whole, to.envelope.address);
  const { slots } = Journal.open(flash, profile.layout.journal).bootRecord;
  const [held] = slots;
  assert.ok(held.state === 'confirmed');
  for (const places of [[0], [1]]) {
    const forged = chipOf(profile, { content });
    const journal = Journal.open(forged, profile.layout.journal);
    for (const slot of [0, 1]) journal.append({ name: 'unusable', slot, because: 'gone' });
    const images = places.map((slot) => [slot, held.imageBytes] as const);
    journal.append({ ...held, name: 'confirmed', images, components: [] });
    assert.equal(nameOf(boot(forged, profile)), places[0] === 0 ? '0' : 'nothing');
  }
});

test('S4-102: of two images one too large: the update is refused, and what runs stays whole', async () => {
  const profile = secureNormal({ imagePages });
  const { old, factory } = await deviceOf(profile);
  const [{ identifier: secure }, normal] = profile.layout.components;
  const flash = chipOf(profile, factory);
  const large = await made.release(2, [secure, 3001], [normal?.identifier ?? secure, 20_000]);
  const seen = await lives({ profile, flash, offers: [large] });
  assert.equal(startsOf(seen), '0+2');
  const why = 'expected an image of at most 16384 bytes, found 20000';
  assert.deepEqual(
    seen.steps.find(([step]) => step === 'failed'),
    ['failed', why],
  );
  assert.ok(holds(profile, flash, 0, old) && holds(profile, flash, 2, old));
});

test('S4-43: exchanged images lie whole in both places, the old one a page before the new one', async () => {
  const profile = class1Swap({ imagePages });
  const { old, factory } = await deviceOf(profile);
  const update = await releaseFor(profile, 2, 10_007);
  const flash = chipOf(profile, factory);
  await lives({ profile, flash, offers: [update] });
  assert.ok(holds(profile, flash, 0, update) && holds(profile, flash, 2, old));
  const [, staged, kept] = profile.layout.slots;
  assert.equal((staged.image.address ?? 0) - (kept?.image.address ?? 0), 2048);
  // What runs rots: the one that was kept is moved back, and runs.
  const rotten = chipOf(profile, flipped(stateOfChip(flash), slotAt(profile.layout, 0).image.address));
  const seen = await lives({ profile, flash: rotten, offers: [] });
  assert.equal(startsOf(seen), '0');
  assert.ok(holds(profile, rotten, 0, old));
});

test('S4-43: of what was copied over nothing is left: a signed firmware over the line helps', async () => {
  const profile = class1Overwrite({ imagePages });
  const { factory } = await deviceOf(profile);
  const [update, mended] = [await releaseFor(profile, 2, 10_007), await releaseFor(profile, 3, 8009)];
  const flash = chipOf(profile, factory);
  const behaviour = () => (slotsIn(profile, flash)[0] === 'trial 2' ? 'crashes' : 'sound');
  const { decisions } = await lives({ profile, flash, offers: [update], behaviour });
  assert.equal(startsOf({ decisions }), '0 0t 0t 0t nothing');
  const nothing = decisions.at(-1);
  assert.ok(nothing?.boot === 'nothing');
  const faults = { random: seededRandom(1) };
  const ended = recoverOverLine({ flash, profile, nothing, firmware: mended, faults });
  assert.deepEqual(ended, { is: 'done', slot: 0, sequenceNumber: 3 });
  assert.equal(startsOf(await lives({ profile, flash, offers: [] })), '0t');
  assert.deepEqual(slotsIn(profile, flash), ['confirmed 3', 'empty']);
});
