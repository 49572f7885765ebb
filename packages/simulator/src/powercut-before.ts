/** What a device has behind it before the power is cut: nothing, many updates, or a ruin. */

import { Journal } from '@lapel/device';
import { norFlash } from './flash.ts';
import { settle } from './powercut-life.ts';
import type { ChipState, Release, Scenario } from './powercut-scenario.ts';

export interface Size {
  readonly granuleBytes: number;
  /** Pages of one image, even. */
  readonly imagePages: number;
}

/** Beyond one mark of the download, and no whole number of pages or granules. */
export const usual: Size = { granuleBytes: 8, imagePages: 12 };
/** So few operations that every pair of them can be tried. */
export const small: Size = { granuleBytes: 8, imagePages: 2 };

/** Of an image that takes up so much of its slot. */
export const bytesIn = ({ imagePages }: Size, share: number): number =>
  Math.floor(imagePages * 2048 * share) - 3;

/** So little that an update does not get by with it. */
const journalRoomWanted = 200;

/** The device after an update, its journal so full that the next one has to write it anew. */
export async function aged(scenario: Scenario): Promise<ChipState> {
  const { profile, factory } = scenario;
  const { geometry, journal } = profile.layout;
  const flash = norFlash({ geometry, ...factory });
  await settle(scenario, flash, () => undefined);
  const open = Journal.open(flash, journal);
  const notice = { name: 'reported', digest: new Uint8Array(32) } as const;
  const room = () => {
    const regions = journal.map(({ address, bytes }) => Buffer.from(flash.read(address, bytes)));
    const [newest] = regions.toSorted((a, b) => b.readInt32BE(4) - a.readInt32BE(4));
    return newest === undefined ? 0 : newest.length - 1 - newest.findLastIndex((byte) => byte !== 0xff);
  };
  while (room() > journalRoomWanted) open.append(notice);
  return { content: flash.dump(), carried: flash.carried() };
}

/** The device with a bit changed in each image, and somebody beside it. */
export function ruin({ factory, profile }: Pick<Scenario, 'factory' | 'profile'>, brought: Release) {
  const content = factory.content.slice();
  const places = new Set(profile.layout.slots.map(({ image }) => image.address));
  for (const at of places) content[at + 5] = (content[at + 5] ?? 0) ^ 1;
  return { factory: { ...factory, content }, brought, keepsConfirmed: false };
}
