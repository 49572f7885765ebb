/**
 * A bus between two processors that carries messages at once, and loses, repeats or cuts some of them: under
 * a seed, or all of them for a while from a certain one on.
 */

import type { Clock } from '@lapel/transport';
import type { SeededRandom } from './random.ts';

export interface BusFaults {
  /** Of the messages, the share that is lost, comes twice, or ends in the middle. */
  readonly shares?: {
    readonly random: SeededRandom;
    readonly lost?: number;
    readonly repeated?: number;
    readonly cut?: number;
  };
  /** From this message on, counted from 0 in both directions, nothing arrives; of itself some of it does. */
  readonly outage?: { readonly from: number; readonly ms: number; readonly cutsFirst?: boolean };
}

export interface Bus {
  /** Puts a message on the bus; it arrives before this returns, if it does. */
  carry(message: Uint8Array, arrive: (bytes: Uint8Array) => void): void;
  /** Messages so far, those that were lost among them. */
  readonly messages: number;
  /** Since when it has carried messages; undefined while it does not. */
  readonly upSinceMs: number | undefined;
}

export function createBus(clock: Clock, { shares, outage }: BusFaults = {}): Bus {
  let messages = 0;
  let [downUntilMs, upSinceMs] = [0, 0];
  const isDown = (): boolean => {
    const isOver = clock.monotonicMs() >= downUntilMs;
    if (isOver) upSinceMs = downUntilMs;
    return !isOver;
  };
  const happens = (share = 0): boolean => shares !== undefined && shares.random.fraction() < share;
  return {
    get messages() {
      return messages;
    },
    get upSinceMs() {
      return isDown() ? undefined : upSinceMs;
    },
    carry(message, arrive) {
      const half = message.slice(0, message.length / 2);
      if (messages++ === outage?.from) {
        downUntilMs = clock.monotonicMs() + outage.ms;
        if (outage.cutsFirst === true) arrive(half);
        return;
      }
      if (isDown() || happens(shares?.lost)) return;
      if (happens(shares?.cut)) return arrive(half);
      arrive(message);
      if (happens(shares?.repeated)) arrive(message);
    },
  };
}
