/** The numbers of messages (RFC 7252 §4.4). */
import type { Clock, Random } from '../system.ts';

const idsMax = 2 ** 16;
/** Times are kept for so many numbers together. */
const idsPerMark = 1024;
const marks = idsMax / idsPerMark;
/** Endpoints whose last numbers are remembered; of one that is forgotten, the next is random again. */
const peersMax = 10_000;

export interface MessageNumbers {
  /** Until the next number may be used. */
  waitMs(to: string): number;
  next(to: string): number;
}

interface Numbers {
  next: number;
  used: number;
  /** When the first of each thousand was used. */
  readonly markedMs: number[];
}

/**
 * §4.4: to one endpoint no number is used twice within EXCHANGE_LIFETIME. So 65,536 messages may go out at
 * any pace, and then the oldest number sets it. The first is random, so that nobody off the path guesses it.
 */
export function messageNumbers(clock: Clock, random: Random, lifetimeMs: number): MessageNumbers {
  const byPeer = new Map<string, Numbers>();

  function numbersOf(to: string): Numbers {
    const known = byPeer.get(to);
    if (known !== undefined) return known;
    const numbers = { next: Math.floor(random.fraction() * idsMax), used: 0, markedMs: [] };
    byPeer.set(to, numbers);
    if (byPeer.size > peersMax) byPeer.delete(byPeer.keys().next().value ?? to);
    return numbers;
  }

  return {
    waitMs(to) {
      const { used, markedMs } = numbersOf(to);
      if (used < idsMax || used % idsPerMark !== 0) return 0;
      // The thousand that comes next was used up when the one behind it began.
      const oldest = markedMs[(used / idsPerMark + 1) % marks] ?? -Infinity;
      return Math.max(0, oldest + lifetimeMs - clock.monotonicMs());
    },
    next(to) {
      const numbers = numbersOf(to);
      if (numbers.used % idsPerMark === 0)
        numbers.markedMs[(numbers.used / idsPerMark) % marks] = clock.monotonicMs();
      numbers.used += 1;
      const id = numbers.next;
      numbers.next = (id + 1) % idsMax;
      return id;
    },
  };
}
