/** Devices of which nothing boots, and a person with a firmware beside them. */

import assert from 'node:assert/strict';
import type { Firmware, NothingBoots } from '@lapel/device';
import { boot } from '@lapel/device';
import type { LineFaults, NorFlash } from '@lapel/simulator';
import { component, recoverOverLine, seededRandom } from '@lapel/simulator';
import { authenticate } from '@lapel/suit';
import { flashOf, make, onTrial, withSlot1 } from './world.ts';

export const made = await make({ imagePages: 12 });
const { layout } = made.profile;
const quietLine = { random: seededRandom(1) };

/** Release 2 was confirmed in slot 1, release 1 lies in slot 0, and a bit of each has flipped. */
export const second = seededRandom(2).bytes(5003);
export const ruined = await ruin();
/** Beyond one mark, and no whole number of granules. */
export const image = seededRandom(3).bytes(18_435);
export const firmware = { envelope: await made.release(image, 3), image };

async function ruin(): Promise<Uint8Array> {
  const envelope = await made.release(second, 2);
  const { digest: of } = authenticate(envelope, [{ key: made.author.public }], made.profile.limits);
  const confirmed = {
    name: 'confirmed',
    images: [[1, second.length]],
    components: [component],
    digest: of.bytes,
    sequenceNumber: 2,
    envelopeBytes: envelope.length,
  } as const;
  const content = withSlot1(made, { envelope, image: second }, onTrial(), confirmed);
  for (const { image: at } of layout.slots) content[at.address + 9] = (content[at.address + 9] ?? 0) ^ 4;
  // A loader that is written could not be told from a blank one.
  content.fill(0x5a, layout.loader.address, layout.loader.address + layout.loader.bytes);
  return content;
}

/** A device of which nothing boots, with the bootloader's word for it. */
export function stranded(content = ruined): { readonly flash: NorFlash; readonly nothing: NothingBoots } {
  const flash = flashOf(made, content);
  const nothing = boot(flash, made.profile);
  assert.ok(nothing.boot === 'nothing');
  return { flash, nothing };
}

export const bring = (
  flash: NorFlash,
  nothing: NothingBoots,
  { envelope, image: bytes }: Firmware,
  faults: LineFaults = quietLine,
) =>
  recoverOverLine({
    flash,
    profile: made.profile,
    nothing,
    firmware: { envelope, image: bytes },
    faults,
  });
