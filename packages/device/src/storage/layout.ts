/**
 * Where things lie in a device's flash, as data. A profile gives the numbers; this file holds them against
 * each other.
 */

import type { FlashGeometry, Region } from './flash.ts';

/** One place for a firmware image, with the envelope that vouches for it beside it. */
export interface SlotLayout {
  readonly envelope: Region;
  readonly image: Region;
}

export interface Layout {
  readonly geometry: FlashGeometry;
  /** The immutable part: nothing here ever writes to it. */
  readonly loader: Region;
  readonly journal: readonly [Region, Region];
  readonly trustStore: readonly [Region, Region];
  readonly slots: readonly [SlotLayout, SlotLayout];
}

/** Two slots of the same size, either of which can run where it lies (RFC 9019 §5.1 with two slots). */
export interface TwoSlotPlan {
  readonly pageBytes: number;
  readonly granuleBytes: number;
  readonly loaderPages: number;
  readonly journalPages: number;
  readonly trustStorePages: number;
  readonly envelopePages: number;
  readonly imagePages: number;
}

export function twoSlots(plan: TwoSlotPlan): Layout {
  const { pageBytes, granuleBytes } = plan;
  if (pageBytes % granuleBytes !== 0) {
    throw new RangeError(
      `expected pages of whole granules of ${granuleBytes} bytes, found ${pageBytes} bytes`,
    );
  }
  let address = 0;
  const take = (pages: number): Region => {
    const region = { address, bytes: pages * pageBytes, pageBytes, granuleBytes };
    address += region.bytes;
    return region;
  };
  const slot = (): SlotLayout => ({ envelope: take(plan.envelopePages), image: take(plan.imagePages) });
  const loader = take(plan.loaderPages);
  const journal = [take(plan.journalPages), take(plan.journalPages)] as const;
  const trustStore = [take(plan.trustStorePages), take(plan.trustStorePages)] as const;
  const slots = [slot(), slot()] as const;
  return {
    geometry: { pageBytes, granuleBytes, pages: address / pageBytes },
    loader,
    journal,
    trustStore,
    slots,
  };
}

/** Bytes of the largest image that fits. */
export const imageBytesMax = ({ slots }: Layout): number => slots[0].image.bytes;
