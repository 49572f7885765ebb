/** A narrow link between two ends, under a seed: chunks are lost, doubled, late, and it can be cut. */

import type { Clock } from '@lapel/transport';
import type { Chunks } from '@lapel/transport/stream';
import type { SeededRandom } from './random.ts';

export interface NarrowLine {
  readonly ends: readonly [Chunks, Chunks];
  /** Chunks that were sent so far, arrived or not. */
  readonly sent: number;
  /** While it is false, nothing arrives. */
  isUp: boolean;
}

export interface NarrowLineOptions {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Of a chunk. */
  readonly bytesMax: number;
  /** Under way at least, and at most: what varies swaps. */
  readonly delayMs: readonly [number, number];
  /** Shares of chunks. */
  readonly loss?: number;
  readonly copies?: number;
}

export function narrowLine({ clock, random, bytesMax, delayMs, ...weather }: NarrowLineOptions): NarrowLine {
  const { loss = 0, copies = 0 } = weather;
  const [least, most] = delayMs;
  const takers: ((chunk: Uint8Array) => void)[] = [() => undefined, () => undefined];
  const line = { sent: 0, isUp: true };
  const carry = (chunk: Uint8Array, to: number): void => {
    void clock.sleep(least + random.fraction() * (most - least)).then(() => {
      if (line.isUp) takers[to]?.(chunk.slice());
    });
  };
  const end = (own: number, other: number): Chunks => ({
    bytesMax,
    async send(chunk) {
      if (chunk.length > bytesMax) throw new RangeError(`expected ${bytesMax} bytes, found ${chunk.length}`);
      line.sent += 1;
      const arrived = chunk.slice();
      if (random.fraction() >= loss) carry(arrived, other);
      if (random.fraction() < copies) carry(arrived, other);
    },
    // An end that starts anew takes the place of the one before.
    listen: (take) => void (takers[own] = take),
  });
  return Object.assign(line, { ends: [end(0, 1), end(1, 0)] as const });
}
