/** Which numbers of a sender have come (RFC 8613 §7.4, after RFC 6347 §4.1.2.6). */

export interface ReplayWindow {
  /** Whether the number has not come before, as far as can be told. */
  isNew(number: number): boolean;
  /** Only of a message that was proven genuine. */
  add(number: number): void;
}

/** §3.2.2. */
const windowSize = 32;

/** @param lowest what is below it has come, or may have */
export function replayWindow(lowest: number): ReplayWindow {
  let highest = lowest + windowSize - 1;
  /** Bit k is for `highest - k`. */
  let seen = 0;
  return {
    isNew(number) {
      if (number > highest) return true;
      const back = highest - number;
      return number >= lowest && back < windowSize && ((seen >>> back) & 1) === 0;
    },
    add(number) {
      if (number > highest) {
        const ahead = number - highest;
        seen = ahead >= windowSize ? 0 : seen << ahead;
        highest = number;
      }
      seen |= 1 << (highest - number);
    },
  };
}
