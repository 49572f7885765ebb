/** The pages of a chip, as profiles share them out. */

import type { Chip, Region } from '../storage/flash.ts';

/** Hands out the pages of a chip, front to back. */
export interface Taking {
  take(pages: number): Region;
  /** Pages handed out so far. */
  readonly pages: number;
}

/** @param address where the chip begins. @throws {RangeError} where granules do not fill a page. */
export function takeFrom({ pageBytes, granuleBytes }: Omit<Chip, 'pages'>, address = 0): Taking {
  if (pageBytes % granuleBytes !== 0) {
    const found = `expected pages of whole granules of ${granuleBytes} bytes, found ${pageBytes} bytes`;
    throw new RangeError(found);
  }
  let taken = 0;
  return {
    get pages() {
      return taken;
    },
    take(pages) {
      const region = {
        address: address + taken * pageBytes,
        bytes: pages * pageBytes,
        pageBytes,
        granuleBytes,
      };
      taken += pages;
      return region;
    },
  };
}
