/**
 * Class 1 devices (RFC 7228) with one microcontroller and one firmware (RFC 9019 §5.1), in each of the ways
 * in which a new image can come to where it runs.
 */

import type { ComponentIdentifier } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import { takeFrom } from './taking.ts';
import type { ChipKind } from './flash-plan.ts';
import { class1Affords, common, component, external, internal, named, slot } from './flash-plan.ts';

export interface Class1Options {
  /** Pages of 2 KiB of one image: 20 (40 KiB) make a device with two slots one of 112 KiB. */
  readonly imagePages?: number;
  readonly granuleBytes?: number;
  /** What manifests call the component whose images lie in the slots. */
  readonly component?: ComponentIdentifier;
}

/** What a factory's descriptions call the only component. */
const onlyComponent: ComponentIdentifier = [new Uint8Array([0])];

/** Dual-bank flash: either bank is mapped to where the image is linked for, so both slots run it. */
export function class1(options: Class1Options = {}): Profile {
  const { imagePages = 20, component: main = onlyComponent } = options;
  const chip = chipOf(options);
  const { taking, ...regions } = common(chip);
  const slots = [slot(taking, chip, imagePages), slot(taking, chip, imagePages)] as const;
  const components = [component(main, 'start', 'two-slots', [0, 1])] as const;
  const geometry = [{ ...chip, pages: taking.pages }];
  return { name: 'class1', layout: { geometry, ...regions, slots, components }, ...class1Affords };
}

/** As `class1`, with room on a chip beside it for what is encrypted, as it comes (component `download`). */
export function class1Encrypted(options: Class1Options = {}): Profile {
  const { imagePages = 20, component: main = onlyComponent } = options;
  const chip = chipOf(options);
  const { taking, ...regions } = common(chip, 2);
  const slots = [slot(taking, chip, imagePages), slot(taking, chip, imagePages)] as const;
  const beside = takeFrom(external, taking.pages * chip.pageBytes);
  // A page more than the image: a tag is longer, and packing what can't be packed is too.
  const download = slot(beside, external, Math.ceil((imagePages * chip.pageBytes) / external.pageBytes) + 1);
  const components = [
    component(main, 'start', 'two-slots', [0, 1]),
    component(named('download'), 'staging', 'in-place', [2]),
  ] as const;
  const geometry = [
    { ...chip, pages: taking.pages },
    { ...external, pages: beside.pages },
  ];
  const layout = { geometry, ...regions, slots: [...slots, download] as const, components };
  return { name: 'class1-encrypted', layout, ...class1Affords };
}

/** One slot that runs; the new image is staged on a chip beside it, and copied over the old one. */
export function class1Overwrite(options: Class1Options = {}): Profile {
  const { imagePages = 20, component: main = onlyComponent } = options;
  const chip = chipOf(options);
  const { taking, ...regions } = common(chip);
  const runs = slot(taking, chip, imagePages);
  const beside = takeFrom(external, taking.pages * chip.pageBytes);
  const staged = slot(beside, external, (imagePages * chip.pageBytes) / external.pageBytes);
  const components = [component(main, 'start', 'overwrite', [0, 1])] as const;
  const geometry = [
    { ...chip, pages: taking.pages },
    { ...external, pages: beside.pages },
  ];
  const layout = { geometry, ...regions, slots: [runs, staged] as const, components };
  return { name: 'class1-overwrite', layout, ...class1Affords };
}

/** One slot that runs; the new image is staged beside it, and exchanged with the old one. */
export function class1Swap(options: Class1Options = {}): Profile {
  const { imagePages = 20, component: main = onlyComponent } = options;
  const chip = chipOf(options);
  const { taking, ...regions } = common(chip);
  const runs = slot(taking, chip, imagePages);
  // The place where the old image is kept begins a page before the one where the new one is staged.
  const kept = slot(taking, chip, imagePages);
  taking.take(1);
  const later = (region: typeof kept.image) => ({ ...region, address: region.address + chip.pageBytes });
  const staged = { envelope: later(kept.envelope), image: later(kept.image) };
  const components = [component(main, 'start', 'swap', [0, 1, 2])] as const;
  const geometry = [{ ...chip, pages: taking.pages }];
  const layout = { geometry, ...regions, slots: [runs, staged, kept] as const, components };
  return { name: 'class1-swap', layout, ...class1Affords };
}

/** Pages of the recovery application of a device that deletes first. */
const recoveryPages = 8;

/**
 * Room for one image only: the old one is deleted before the new one arrives, and a small recovery
 * application fetches it. Both envelopes have a place of their own, so that the new one is whole before the
 * old image goes.
 */
export function class1DeleteFirst(options: Class1Options = {}): Profile {
  const { imagePages = 20, component: main = onlyComponent } = options;
  const chip = chipOf(options);
  const { taking, ...regions } = common(chip);
  const first = slot(taking, chip, imagePages);
  const second = { envelope: slot(taking, chip, 0).envelope, image: first.image };
  const recovery = slot(taking, chip, Math.min(recoveryPages, imagePages));
  const components = [
    component(main, 'start', 'delete-first', [0, 1]),
    component(named('recovery'), 'recovery', 'in-place', [2]),
  ] as const;
  const geometry = [{ ...chip, pages: taking.pages }];
  const layout = { geometry, ...regions, slots: [first, second, recovery] as const, components };
  return { name: 'class1-delete-first', layout, ...class1Affords };
}

const chipOf = ({ granuleBytes = internal.granuleBytes }: Class1Options): ChipKind => ({
  pageBytes: internal.pageBytes,
  granuleBytes,
});
