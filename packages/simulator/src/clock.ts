/**
 * Time that passes only when somebody sleeps: hours of waiting take no time, and a run is the same each
 * time.
 */

import type { Clock } from '@lapel/transport';

export interface SimulatedClock extends Clock {
  advance(ms: number): void;
}

const start = Date.UTC(2026, 0, 1);

export function simulatedClock(): SimulatedClock {
  let now = 0;
  return {
    monotonicMs: () => now,
    wallMs: () => start + now,
    wallIsTrusted: true,
    advance: (ms) => void (now += ms),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      now += ms;
      // A turn of the event loop, so that whoever else is due comes first.
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}
