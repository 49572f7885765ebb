/**
 * Numbers of the messages that the device protects (RFC 8613 §7.2), kept in its journal: each step of them is
 * one record before the first of it is used, so that no power cut brings a number again.
 */

import type { Journal } from './storage/journal.ts';

export interface MessageNumbers {
  /** The first of so many in a row that were never used. */
  take(count: number): Promise<number>;
}

/**
 * Records that damage may have taken since the journal was last written anew: a region of the smallest size
 * holds no more. As many steps are left out at each start, and 2^40 numbers last for millions of those.
 */
const damagedMax = 64;

/** @param current the journal that is open now: each start of the device opens another */
export function messageNumbers(current: () => Journal | undefined): MessageNumbers {
  let known: Journal | undefined;
  return {
    async take(count) {
      const journal = current();
      if (journal === undefined) throw new TypeError('expected a device that has started, found none');
      const { sentBelow } = journal.bootRecord;
      const first = journal === known || sentBelow === 0 ? sentBelow : sentBelow + damagedMax * count;
      known = journal;
      journal.append({ name: 'sent', below: first + count });
      return first;
    },
  };
}
