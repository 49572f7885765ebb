/** The addresses of a flash: which chip, page and granule one lies in, and what may be done there. */

import type { Chip, FlashGeometry, Region } from '@lapel/device';
import { chipsOf, flashBytes } from '@lapel/device';

/** The device broke a rule of its flash: always a bug of the device. */
export class FlashMisuse extends Error {
  override readonly name = 'FlashMisuse';
}

/** A run of addresses. */
export type Span = Pick<Region, 'address' | 'bytes'>;

export interface AddressSpace {
  readonly bytes: number;
  /** The page or the granule that an address lies in. @throws {FlashMisuse} */
  unitAt(address: number, unit: 'pageBytes' | 'granuleBytes'): Span;
  /** @throws {FlashMisuse} where some of it lies outside. */
  requireInside(address: number, bytes: number): void;
  /** The chip of what is to be written: whole units, not protected. @throws {FlashMisuse} */
  requireWritable(address: number, bytes: number, unit: 'pageBytes' | 'granuleBytes'): Chip;
}

type Placed = Chip & { readonly address: number };

export function addressSpace(geometry: FlashGeometry, protectedRegions: readonly Span[]): AddressSpace {
  const bytes = flashBytes(geometry);
  const chips = placed(geometry);
  const chipAt = (address: number): Placed => {
    const found = address < bytes ? chips.findLast((chip) => chip.address <= address) : undefined;
    if (found === undefined) throw new FlashMisuse(`expected an address of flash, found ${address}`);
    return found;
  };
  return {
    bytes,
    unitAt(address, unit) {
      const chip = chipAt(address);
      return { address: address - ((address - chip.address) % chip[unit]), bytes: chip[unit] };
    },
    requireInside(address, length) {
      const isWhole = Number.isSafeInteger(address) && Number.isSafeInteger(length);
      if (!isWhole || address < 0 || length < 0 || address + length > bytes) {
        throw new FlashMisuse(`expected to read inside ${bytes} bytes, found ${length} at ${address}`);
      }
    },
    requireWritable(address, length, unit) {
      const chip = chipAt(address);
      const at = address - chip.address;
      if (at % chip[unit] !== 0 || length % chip[unit] !== 0 || at + length > chip.pageBytes * chip.pages) {
        throw new FlashMisuse(
          `expected whole units of ${chip[unit]} inside ${bytes} bytes, found ${length} at ${address}`,
        );
      }
      const guarded = protectedRegions.find((region) => overlap(region, { address, bytes: length }));
      if (guarded === undefined) return chip;
      const where = `${guarded.bytes} bytes at ${guarded.address}`;
      throw new FlashMisuse(`expected ${where} to be left alone, found ${length} at ${address}`);
    },
  };
}

export const overlap = (one: Span, other: Span): boolean =>
  Math.max(one.address, other.address) < Math.min(one.address + one.bytes, other.address + other.bytes);

/** Chips, each with where it begins. */
function placed(geometry: FlashGeometry): readonly Placed[] {
  let address = 0;
  return chipsOf(geometry).map((chip) => {
    const begin = address;
    address += chip.pageBytes * chip.pages;
    return { ...chip, address: begin };
  });
}
