/**
 * Where things lie in a device's flash, and how a component's image comes to where it runs, as data. A
 * profile gives the numbers; this file holds them against each other.
 */

import type { ComponentIdentifier } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { FlashGeometry, Region } from './flash.ts';

/** One place for a firmware image, with the envelope that vouches for it beside it. */
export interface SlotLayout {
  readonly envelope: Region;
  readonly image: Region;
}

/**
 * What becomes of a new image (RFC 9019 §5, manifest-37 §6.3.1), and what its slots are:
 *
 * `two-slots`    each of two runs where it lies; nothing is ever copied
 * `overwrite`    it is staged in the second and copied over the first
 * `swap`         it is staged in the second and exchanged with the first; the old one is then in the third,
 *                which lies a page before the second and overlaps it
 * `delete-first` two that share the place of the image: the old one is erased while the new one arrives
 * `in-place`     a single one, written only while something else runs
 * `link`         none: another processor keeps it, and proves it for itself
 */
export type Scheme = 'two-slots' | 'overwrite' | 'swap' | 'delete-first' | 'in-place' | 'link';

/**
 * `start` is what the bootloader jumps to; `needed` must verify before it does; `extra` need not be there;
 * `recovery` is jumped to where the others do not verify. `staging` is where a payload lies until it is
 * copied to one of them, a ciphertext for one: it is never booted, and nobody asks for it at a start.
 */
export type Role = 'start' | 'needed' | 'extra' | 'recovery' | 'staging';

export interface ComponentLayout {
  readonly identifier: ComponentIdentifier;
  readonly role: Role;
  readonly scheme: Scheme;
  /** Indices of `Layout.slots`, in the order that the scheme says. */
  readonly slots: readonly number[];
}

export interface Layout {
  readonly geometry: FlashGeometry;
  /** The immutable part: nothing here ever writes to it. */
  readonly loader: Region;
  readonly journal: readonly [Region, Region];
  readonly trustStore: readonly [Region, Region];
  readonly slots: readonly [SlotLayout, SlotLayout, ...SlotLayout[]];
  /** The first is the one that starts. */
  readonly components: readonly [ComponentLayout, ...ComponentLayout[]];
}

/** Slots that a device may have, in all its components. */
export const slotsMax = 8;

/** @throws {RangeError} where the device has no such slot. */
export function slotAt({ slots }: Layout, slot: number): SlotLayout {
  const found = slots[slot];
  if (found === undefined) throw new RangeError(`expected one of ${slots.length} slots, found ${slot}`);
  return found;
}

export function componentOf(
  { components }: Layout,
  identifier: ComponentIdentifier,
): ComponentLayout | undefined {
  const name = componentName(identifier);
  return components.find((each) => componentName(each.identifier) === name);
}

/** Whether a payload only passes through this component. */
export const isStaging = (layout: Layout, identifier: ComponentIdentifier): boolean =>
  componentOf(layout, identifier)?.role === 'staging';

/** The slots whose content is gone once this one is written. */
export function overlapping(layout: Layout, slot: number): readonly number[] {
  const own = slotAt(layout, slot);
  return layout.slots.flatMap((other, index) =>
    index !== slot && (intersects(own.image, spanOf(other)) || intersects(spanOf(own), other.image))
      ? [index]
      : [],
  );
}

/** Whether a region lies over part of a slot. */
export const isUnder = (region: Span, { envelope, image }: SlotLayout): boolean =>
  intersects(region, envelope) || intersects(region, image);

type Span = Pick<Region, 'address' | 'bytes'>;

const intersects = (a: Span, b: Span): boolean =>
  a.address < b.address + b.bytes && b.address < a.address + a.bytes;

/** From the envelope to the end of the image, where they lie side by side; else the image. */
const spanOf = ({ envelope, image }: SlotLayout): Span =>
  envelope.address + envelope.bytes === image.address
    ? { address: envelope.address, bytes: envelope.bytes + image.bytes }
    : image;

/** Where an image runs: the slots that the bootloader may jump to. */
export function runningSlots({ scheme, slots }: ComponentLayout): readonly number[] {
  return scheme === 'overwrite' || scheme === 'swap' ? slots.slice(0, 1) : slots;
}

/** Bytes of the largest image that fits a component, the first where none is named; 0 where none does. */
export function imageBytesMax(layout: Layout, { slots } = layout.components[0]): number {
  return slots.reduce((least, slot) => Math.min(least, slotAt(layout, slot).image.bytes), Infinity);
}
