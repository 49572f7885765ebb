/**
 * A manifest that needs two others, of two authors, on a real device: obtained first, installed together,
 * tried together, and proved again by the bootloader at every start.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encryptFor, generateWrappingKey, joined } from '@lapel/cose';
import { boot, slotAt } from '@lapel/device';
import type { Release, Update } from '@lapel/simulator';
import { asRelease, at, manifestOf, perform, served, set, single } from '@lapel/simulator';
import type { Command } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { Handler } from '@lapel/transport';
import {
  application,
  applicationAuthor,
  applicationManifest,
  deviceKey,
  factory,
  firmware,
  layout,
  made,
  profile,
  update,
} from './domains.ts';
import { chipOf, flipped, holds, lives, nameOf, slotsIn, startsOf, stateOfChip } from './lives.ts';

const firmwareImage = made.random.bytes(3303);
const applicationImage = made.random.bytes(2205);
const fetch = perform('directive-fetch');
const integrity = perform('condition-dependency-integrity');
const whole = update({ firmwareImage, applicationImage });
/** The dependency that the envelope does not carry. */
const fetched = whole.images.get(componentName(applicationManifest)) ?? new Uint8Array();

interface Told {
  readonly starts: string;
  readonly because: string | undefined;
  /** What was asked for, by its digest. */
  readonly asked: readonly string[];
  readonly flash: ReturnType<typeof chipOf>;
}

/** A device that is offered these releases; all that anybody signed is served but what is lost. */
async function offered(offers: readonly Release[], lost?: Uint8Array, state = factory): Promise<Told> {
  const flash = chipOf(profile, state);
  const asked: string[] = [];
  const link =
    (upstream: Handler): Handler =>
    async (request) => {
      asked.push(`..${request.path}`);
      if (lost === undefined || `..${request.path}` !== served(lost)) return upstream(request);
      return upstream({ ...request, path: '/payloads/lost' });
    };
  const seen = await lives({ profile, flash, offers, link });
  const because = seen.steps.find(([step]) => step === 'failed')?.[1];
  return { starts: startsOf(seen), because, asked, flash };
}

test('S1-06, S2-21, S4-62, X-25: one manifest brings firmware and another author’s application', async () => {
  const { starts, flash, asked } = await offered([whole]);
  assert.equal(starts, '0 1+2+4+6t');
  for (const slot of [1, 2, 4, 6]) assert.ok(holds(profile, flash, slot, whole), `slot ${slot}`);
  const [first, , third, , fifth, , seventh] = slotsIn(profile, flash);
  assert.deepEqual(
    [first, third, fifth, seventh],
    ['confirmed 1', 'confirmed 2', 'confirmed 2', 'confirmed 2'],
  );
  // The dependency that is not in the envelope comes first, then what it and the other one want.
  assert.deepEqual(asked, [fetched, firmwareImage, applicationImage].map(served));
});

test('S4-62, D01: where a dependency is missing nothing of the update is fetched', async () => {
  const { starts, asked, because } = await offered([whole], fetched);
  assert.equal(starts, '0');
  assert.ok(!asked.includes(served(firmwareImage)) && !asked.includes(served(applicationImage)));
  assert.match(because ?? '', /found not-found|expected/);
});

test('X-88: at every start each dependency is proved again, and what it brought', async () => {
  const { flash } = await offered([whole]);
  const state = stateOfChip(flash);
  assert.equal(nameOf(boot(chipOf(profile, state), profile)), '1+2+4+6');
  const places = [1, 2, 4, 6].flatMap((slot) => {
    const { image } = slotAt(layout, slot);
    return [image.address + 7, image.address + 100];
  });
  for (const address of places) {
    const bad = chipOf(profile, flipped(state, address));
    assert.equal(nameOf(boot(bad, profile)), '0', `a bit at ${address}`);
  }
  // Nor may anything lie behind an envelope that its signature does not cover.
  const { image } = slotAt(layout, 6);
  const behind = chipOf(profile, flipped(state, image.address + image.bytes - 1));
  assert.equal(nameOf(boot(behind, profile)), '0');
});

test('X-40, X-88: the floor of each component rises with the update, those of dependencies too', async () => {
  const later: Update = { sequence: 3, firmwareImage: made.random.bytes(3100), applicationImage };
  const { flash } = await offered([update(later)]);
  const state = stateOfChip(flash);
  const old = await offered([whole], undefined, state);
  assert.equal(old.starts, '1+2+4+6');
  assert.match(old.because ?? '', /expected sequence number 3 or higher, found 2$/);
  // An older one that is about the application alone: its own author can't go back behind it either.
  const alone = single(application, applicationImage, applicationAuthor, { sequence: 2 });
  const back = await offered([asRelease(2, alone, [[application, applicationImage]])], undefined, state);
  assert.match(back.because ?? '', /expected sequence number 3 or higher, found 2$/);
  const next = single(application, firmwareImage, applicationAuthor, { sequence: 4 });
  const on = await offered([asRelease(4, next, [[application, firmwareImage]])], undefined, state);
  assert.equal(on.starts, '1+2+4+6 1+2+5+6t');
  assert.deepEqual(slotsIn(profile, on.flash)[5], 'confirmed 4');
  // One number counts for all of an update: the application's floor holds for whoever brings one.
  const equal = await offered([update({ ...later, sequence: 4 })], undefined, stateOfChip(on.flash));
  assert.match(equal.because ?? '', /^dependency 1: expected a sequence number above 4, found another/);
  const higher = await offered([update({ ...later, sequence: 5 })], undefined, stateOfChip(on.flash));
  assert.equal(higher.starts, '1+2+5+6 0+3+4+7t');
});

test('S1-06: no author changes a component of the other, not as a dependency nor by itself', async () => {
  const foreign: readonly (readonly [string, Release])[] = [
    [
      'the application’s author, as a dependency, the firmware',
      update({
        firmwareImage,
        applicationImage,
        dependency: single(firmware, applicationImage, applicationAuthor),
      }),
    ],
    [
      'the application’s author, alone, the firmware',
      asRelease(2, single(firmware, applicationImage, applicationAuthor, { sequence: 2 }), [
        [firmware, applicationImage],
      ]),
    ],
    [
      'the firmware’s author, alone, the application',
      asRelease(2, single(application, firmwareImage, made.author, { sequence: 2 }), [
        [application, firmwareImage],
      ]),
    ],
    [
      'the firmware’s author, signing the application’s manifest',
      update({
        firmwareImage,
        applicationImage,
        dependency: single(application, applicationImage, made.author),
      }),
    ],
  ];
  for (const [name, release] of foreign) {
    const { starts, because, asked } = await offered([release]);
    assert.equal(starts, '0', name);
    assert.match(because ?? '', /expected components of its signer's own, found/, name);
    assert.ok(!asked.includes(served(applicationImage)) && !asked.includes(served(firmwareImage)), name);
  }
});

test('X-88: a dependency that is another one than named, or is not checked, installs nothing', async () => {
  const second = single(application, applicationImage, applicationAuthor);
  const named = single(application, firmwareImage, applicationAuthor);
  const all = { firmwareImage, applicationImage, dependency: second };
  const obtain = (...more: readonly Command[]): NonNullable<Update['sections']> => ({
    dependencyResolution: [at(1), set({ uri: served(second), ...manifestOf(named) }), fetch, ...more],
  });
  const other = update({ ...all, sections: obtain(integrity) });
  const { because, asked } = await offered([other]);
  assert.match(because ?? '', /^dependency 1: expected the manifest [0-9a-f]{64}, found [0-9a-f]{64}$/);
  assert.deepEqual(asked, [served(second), served(second)]);
  const unchecked = await offered([update({ ...all, sections: obtain() })]);
  assert.match(unchecked.because ?? '', /expected a dependency whose integrity was checked at 0, found none/);
  assert.deepEqual([unchecked.starts, slotsIn(profile, unchecked.flash)[6]], ['0', 'unusable']);
});

test('X-14, X-52, X-88: an encrypted dependency is fetched, decrypted, proved, kept in plain', async () => {
  const second = single(application, applicationImage, applicationAuthor);
  const hiddenFor = (key: typeof deviceKey) => {
    const { info, ...running } = encryptFor([key], 'A128GCM');
    const ciphertext = joined(running.update(second), running.finish());
    const obtain = [set({ uri: served(ciphertext), encryptionInfo: info, ...manifestOf(second) }), fetch];
    const first = single(firmware, firmwareImage, made.author, { isStarted: true });
    const release = update({
      firmwareImage,
      applicationImage,
      dependency: second,
      sections: {
        dependencyResolution: [
          at(0),
          set({ uri: '#firmware', ...manifestOf(first) }),
          fetch,
          integrity,
          at(1),
          ...obtain,
          integrity,
        ],
      },
    });
    return { ...release, images: new Map([...release.images, ['on its way', ciphertext]]) };
  };
  const { starts, flash, because } = await offered([hiddenFor(deviceKey)]);
  assert.deepEqual([because, starts], [undefined, '0 1+2+4+6t']);
  const { image } = slotAt(layout, 6);
  assert.deepEqual(flash.read(image.address, second.length), second);
  const others = await offered([hiddenFor(generateWrappingKey('A128KW'))]);
  assert.equal(others.starts, '0');
  assert.match(others.because ?? '', /expected a recipient that is known here, found none$/);
});
