/**
 * Sender Sequence Numbers that survive a power cut (RFC 8613 §7.2, §B.1.1): a step of them is promised on
 * disk before the first of it is used, and after a start none below the promise is used again. Some are
 * lost, and none comes twice.
 */

/** Where one number of one security context is kept for good. */
export interface SequenceStore {
  /** Undefined in a context that has never been used. */
  load(): Promise<number | undefined>;
  /** Resolves when the number would outlive a power cut. */
  save(number: number): Promise<void>;
}

export interface SenderSequence {
  /** Never the same number twice. @throws {RangeError} where all are used up */
  next(): Promise<number>;
}

/** §7.2.1: numbers of five bytes. */
const sequenceMax = 2 ** 40 - 1;
/** One write for so many messages; a start loses half of them on average. */
const stepDefault = 256;

export function senderSequence(store: SequenceStore, step = stepDefault): SenderSequence {
  let next = 0;
  /** No number from here on may be used yet. */
  let promised = 0;
  let opened: Promise<void> | undefined;
  let promising: Promise<void> | undefined;

  async function open(): Promise<void> {
    const stored = (await store.load()) ?? 0;
    [next, promised] = [stored, stored];
  }

  async function promise(): Promise<void> {
    const until = Math.min(promised + step, sequenceMax + 1);
    try {
      await store.save(until);
      promised = until;
    } finally {
      promising = undefined;
    }
  }

  return {
    async next() {
      opened ??= open();
      await opened;
      while (next >= promised) {
        if (next > sequenceMax)
          throw new RangeError(`expected a sequence number below 2^40, found all of them used`);
        promising ??= promise();
        await promising;
      }
      return next++;
    },
  };
}
