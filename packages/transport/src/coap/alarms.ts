/**
 * Things to be done later, unless they are called off first: one sleep of the clock for all of them, and none
 * where there are none. They may be late by a tick, which §4.2 of RFC 7252 allows to a retransmission.
 */
import type { Clock } from '../system.ts';

export interface Alarm {
  cancel(): void;
}

export interface Alarms {
  set(ms: number, act: () => void): Alarm;
  close(): void;
}

export function alarms(clock: Clock, tickMs: number): Alarms {
  const pending = new Set<{ readonly atMs: number; readonly act: () => void }>();
  const closed = new AbortController();
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (pending.size > 0 && !closed.signal.aborted) {
      await clock.sleep(tickMs, closed.signal).catch(() => undefined);
      const now = clock.monotonicMs();
      for (const alarm of pending) {
        if (alarm.atMs > now || closed.signal.aborted) continue;
        pending.delete(alarm);
        alarm.act();
      }
    }
    isRunning = false;
  }

  return {
    set(ms, act) {
      const alarm = { atMs: clock.monotonicMs() + ms, act };
      pending.add(alarm);
      if (!isRunning && !closed.signal.aborted) void run();
      return { cancel: () => void pending.delete(alarm) };
    },
    close() {
      pending.clear();
      closed.abort(new Error('the endpoint is closed'));
    },
  };
}
