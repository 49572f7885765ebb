/** One thing to be done later: set anew, it is done then instead. */
import type { Clock } from '../system.ts';

export interface OneAlarm {
  set(ms: number): void;
  cancel(): void;
}

export function oneAlarm(clock: Clock, act: () => void): OneAlarm {
  let dueMs: number | undefined;
  let sleep: { readonly untilMs: number; readonly stop: AbortController } | undefined;

  async function wait(): Promise<void> {
    while (dueMs !== undefined) {
      const stop = new AbortController();
      sleep = { untilMs: dueMs, stop };
      await clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), stop.signal).catch(() => undefined);
      sleep = undefined;
      if (dueMs === undefined || clock.monotonicMs() < dueMs) continue;
      dueMs = undefined;
      act();
    }
  }

  return {
    set(ms) {
      const isAsleep = dueMs !== undefined;
      dueMs = clock.monotonicMs() + ms;
      if (!isAsleep && sleep === undefined) void wait();
      else if (sleep !== undefined && sleep.untilMs > dueMs) sleep.stop.abort(called);
    },
    cancel() {
      dueMs = undefined;
      sleep?.stop.abort(called);
    },
  };
}

const called = new Error('called off');
