/**
 * A link between endpoints that loses, doubles, delays and swaps datagrams under a seed, and time that passes
 * only while everybody waits: a transfer of minutes takes none.
 */
import { randomInt } from 'node:crypto';
import type { Clock, Random } from '@lapel/transport';
import type { Datagrams, SequenceStore } from '@lapel/transport/coap';

export interface Weather {
  /** Shares of datagrams. */
  readonly loss?: number;
  readonly copies?: number;
  /** Under way at least, and at most: what varies swaps. */
  readonly delayMs?: readonly [number, number];
}

export interface LossyLink {
  readonly clock: Clock;
  readonly random: Random;
  /** Everything that was sent, arrived or not. */
  readonly sent: {
    readonly atMs: number;
    readonly from: string;
    readonly to: string;
    readonly bytes: Uint8Array;
  }[];
  open(address: string): Datagrams;
}

export function lossyLink(seed: number, { loss = 0, copies = 0, delayMs = [1, 1] }: Weather = {}): LossyLink {
  const clock = waitingClock();
  const random = seeded(seed);
  const listeners = new Map<string, (bytes: Uint8Array, from: string) => void>();
  const sent: LossyLink['sent'] = [];
  const carry = (bytes: Uint8Array, from: string, to: string): void => {
    const [least, most] = delayMs;
    const ms = least + random.fraction() * (most - least);
    void clock.sleep(ms).then(() => listeners.get(to)?.(bytes.slice(), from));
  };
  return {
    clock,
    random,
    sent,
    open: (address) => ({
      send(bytes, to) {
        sent.push({ atMs: clock.monotonicMs(), from: address, to, bytes: bytes.slice() });
        if (random.fraction() < loss) return;
        carry(bytes, address, to);
        if (random.fraction() < copies) carry(bytes, address, to);
      },
      listen: (onDatagram) => void listeners.set(address, onDatagram),
      close: async () => void listeners.delete(address),
    }),
  };
}

/** Runs a proof under seeds nobody has chosen, and tells the one under which it fails. */
export async function underSeeds(count: number, prove: (seed: number) => Promise<void>): Promise<void> {
  const first = Number(process.env['LAPEL_SEED'] ?? randomInt(2 ** 31));
  for (let seed = first; seed < first + count; seed++) {
    try {
      await prove(seed);
    } catch (error) {
      throw new Error(`LAPEL_SEED=${seed} shows it again`, { cause: error });
    }
  }
}

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed;
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { fraction, bytes: (length) => Uint8Array.from({ length }, () => fraction() * 256) };
}

export function waitingClock(): Clock {
  let nowMs = 0;
  let isTurning = false;
  const sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];

  async function turn(): Promise<void> {
    isTurning = true;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = sleepers.shift();
      if (next === undefined) break;
      nowMs = Math.max(nowMs, next.untilMs);
      next.wake();
    }
    isTurning = false;
  }

  return {
    monotonicMs: () => nowMs,
    wallMs: () => Date.UTC(2026, 0, 1) + nowMs,
    wallIsTrusted: true,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const onAbort = () => {
          sleepers.splice(sleepers.indexOf(sleeper), 1);
          reject(signal?.reason as Error);
        };
        const wake = () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const sleeper = { untilMs: nowMs + ms, wake };
        const behind = sleepers.findLastIndex(({ untilMs }) => untilMs <= sleeper.untilMs);
        sleepers.splice(behind + 1, 0, sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (!isTurning) void turn();
      }),
  };
}

/** What is taken is gone, whoever loses power. */
export function diskOf(): SequenceStore & { writes: number } {
  let taken = 0;
  return {
    writes: 0,
    async take(count) {
      this.writes += 1;
      return (taken += count) - count;
    },
  };
}
