/** Images are opaque: what a vendor has put in front of one stays there, and nothing at all is one, too. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { class1, class1DeleteFirst, class1Overwrite, class1Swap, secureNormal, slotAt } from '@lapel/device';
import { seededRandom, workshop } from '@lapel/simulator';
import { chipOf, lives, startsOf, stateOfChip } from './lives.ts';

const made = workshop(11);
const layouts = { class1, class1Overwrite, class1Swap, class1DeleteFirst };

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const withHead = (head: Uint8Array, bytes: number): Uint8Array =>
  Uint8Array.from([...head, ...seededRandom(bytes).bytes(bytes)]);

const images: Readonly<Record<string, Uint8Array>> = {
  'S4-51, S0-09: a vendor’s binary with a header of its own': readFileSync(
    new URL('../../../examples/lamp/build/lamp-1.0.0.bin', import.meta.url),
  ),
  'S4-51, S0-09: one for another bootloader, header and trailer': withHead(
    Uint8Array.of(0x3d, 0xb8, 0xf3, 0x96, 0, 0, 0, 0, 32, 0, 0, 0),
    3000,
  ),
  'S0-09: an ELF file': withHead(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1), 3001),
  'S0-09: a hex file': text(':10010000214601360121470136007EFE09D2190140\n'.repeat(70)),
  'S0-09: an image that looks like erased flash': new Uint8Array(4096 + 5).fill(0xff),
  'S0-09: an image that ends as erased flash does': withHead(seededRandom(1).bytes(2100), 0).fill(0xff, 2000),
  'S0-09: an image of one byte': Uint8Array.of(0),
  'S0-09: an image of no bytes': new Uint8Array(),
};

for (const [name, image] of Object.entries(images)) {
  test(`${name} is carried and booted unchanged, in every layout`, async () => {
    for (const make of Object.values(layouts)) {
      const profile = make({ imagePages: 8 });
      const [{ identifier: main, slots }, helper] = profile.layout.components;
      const helpers = helper === undefined ? [] : [await made.release(1, [helper.identifier, 1001])];
      const flash = chipOf(profile, made.device(profile, [await made.release(1, [main, 3001]), ...helpers]));
      const update = await made.release(2, [main, image]);
      const { decisions } = await lives({ profile, flash, offers: [update] });
      const booted = decisions.at(-1);
      assert.ok(booted?.boot === 'slot' && booted.onTrial, `${profile.name}: ${startsOf({ decisions })}`);
      assert.ok(slots.includes(booted.slot));
      const { address } = slotAt(profile.layout, booted.slot).image;
      assert.deepEqual(flash.read(address, image.length), Uint8Array.from(image));
      // And the factory puts it on a device that boots it.
      const first = chipOf(profile, made.device(profile, [update, ...helpers]));
      assert.equal(startsOf(await lives({ profile, flash: first, offers: [] })), `${slots[0]}`);
    }
  });
}

test('S0-09, S4-102: one component of two may be without a byte', async () => {
  const profile = secureNormal({ imagePages: 4 });
  const [{ identifier: secure }, normal] = profile.layout.components;
  const both = (sequence: number, bytes: number, image: Uint8Array) =>
    made.release(sequence, [secure, bytes], [normal?.identifier ?? secure, image]);
  const flash = chipOf(profile, made.device(profile, [await both(1, 3001, Uint8Array.of(1, 2, 3))]));
  const update = await both(2, 3003, new Uint8Array());
  assert.equal(startsOf(await lives({ profile, flash, offers: [update] })), '0+2 1+3t');
  const again = await lives({ profile, flash: chipOf(profile, stateOfChip(flash)), offers: [] });
  assert.equal(startsOf(again), '1+3');
});
