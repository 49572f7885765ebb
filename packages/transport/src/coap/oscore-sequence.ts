/**
 * Sender Sequence Numbers that survive a power cut (RFC 8613 §7.2, §B.1.1): a step of them is taken from a
 * store before the first of it is used, and the store gives no number out twice. Some are lost at each start,
 * and none comes again. Where several processes speak under one key, each takes steps of its own.
 */

import type { Clock } from '../system.ts';

/** Where one security context keeps for good which of its numbers are taken. */
export interface SequenceStore {
  /**
   * The first of so many numbers in a row that nobody has been given before. Resolves when that would outlive
   * a power cut.
   */
  take(count: number): Promise<number>;
}

export interface SenderSequence {
  /** Never the same number twice. @throws {RangeError} where all are used up */
  next(): Promise<number>;
}

/** §7.2.1: numbers of five bytes. */
const sequenceMax = 2 ** 40 - 1;
/** One write for so many messages; a start loses half of them on average. */
export const sequenceStep = 256;

const numbersSinceMs = Date.UTC(2026, 0, 1);
const msPerNumber = 64;
const leastMax = 2 ** 39;

/**
 * A store that is put back to a copy of before knows of numbers less than were used. So none is below what
 * the clock says: one for each 64 ms since 2026, which the 2^40 that there are outlast by far. Only a clock
 * that has gone back with the store could then bring a number again.
 */
export const leastNumber = (clock: Clock): number =>
  Math.max(0, Math.min(Math.floor((clock.wallMs() - numbersSinceMs) / msPerNumber), leastMax));

export function senderSequence(store: SequenceStore, step = sequenceStep): SenderSequence {
  let next = 0;
  /** No number from here on may be used yet. */
  let end = 0;
  let taking: Promise<void> | undefined;

  async function take(): Promise<void> {
    try {
      const first = await store.take(step);
      if (first > sequenceMax)
        throw new RangeError('expected a sequence number below 2^40, found all of them used');
      [next, end] = [first, Math.min(first + step, sequenceMax + 1)];
    } finally {
      taking = undefined;
    }
  }

  return {
    async next() {
      while (next >= end) {
        taking ??= take();
        await taking;
      }
      return next++;
    },
  };
}
