/**
 * Time that jumps from one event to the next, for crowds: what is due lies in a heap, so that a hundred
 * thousand devices which wait cost nothing while they do.
 */

import type { Clock } from '@lapel/transport';

export interface EventTime {
  readonly clock: Clock;
  nowMs(): number;
  /** @param act is called when its time has come, and not before the ones that come earlier. */
  at(ms: number, act: () => Promise<void>): void;
  /** Runs what is due until `isOver`, at most `atOnce` of the same moment at a time. */
  run(isOver: () => boolean, atOnce: number): Promise<void>;
}

interface Event {
  readonly ms: number;
  readonly act: () => Promise<void>;
}

const startMs = Date.UTC(2026, 0, 1);

export function eventTime(): EventTime {
  const heap: Event[] = [];
  let nowMs = 0;
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => startMs + nowMs,
    wallIsTrusted: true,
    // Nobody here waits for an answer that does not come; who sleeps is let go of when it is not needed.
    sleep: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  };

  function push(event: Event): void {
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((heap[above] as Event).ms <= event.ms) break;
      heap[at] = heap[above] as Event;
      at = above;
    }
    heap[at] = event;
  }

  function pop(): Event | undefined {
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && (heap[below + 1] as Event).ms < (heap[below] as Event).ms) below++;
      if ((heap[below] as Event).ms >= last.ms) break;
      heap[at] = heap[below] as Event;
      at = below;
    }
    heap[at] = last;
    return first;
  }

  return {
    clock,
    nowMs: () => nowMs,
    at: (ms, act) => push({ ms, act }),
    async run(isOver, atOnce) {
      while (heap.length > 0 && !isOver()) {
        const now: Event[] = [];
        const moment = (heap[0] as Event).ms;
        while (now.length < atOnce && heap[0]?.ms === moment) now.push(pop() as Event);
        nowMs = Math.max(nowMs, moment);
        await Promise.all(now.map(({ act }) => act()));
      }
    },
  };
}
