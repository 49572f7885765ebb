/**
 * Time that passes only while everybody sleeps: hours of waiting take no time, and whoever wakes first wakes
 * first. While anybody is at work, or waits for a file, the clock stands still.
 */

import type { Clock } from '@lapel/transport';

export interface SimulatedClock extends Clock {
  advance(ms: number): void;
}

const startMs = Date.UTC(2026, 0, 1);

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

export function simulatedClock(): SimulatedClock {
  let nowMs = 0;
  let isTurning = false;
  /** Earliest first; of those for the same instant, who came first. */
  const sleepers: Sleeper[] = [];

  async function turn(): Promise<void> {
    isTurning = true;
    for (;;) {
      await everybodyWaits();
      const next = sleepers.shift();
      if (next === undefined) break;
      nowMs = Math.max(nowMs, next.untilMs);
      next.wake();
    }
    isTurning = false;
  }

  return {
    monotonicMs: () => nowMs,
    wallMs: () => startMs + nowMs,
    wallIsTrusted: true,
    advance: (ms) => void (nowMs += ms),
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

/** Turns of the event loop in a row in which nothing was under way. */
const quietTurns = 2;

async function everybodyWaits(): Promise<void> {
  for (let quiet = 0; quiet < quietTurns;) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const isBusy = process.getActiveResourcesInfo().some((resource) => /Req/.test(resource));
    quiet = isBusy ? 0 : quiet + 1;
  }
}
