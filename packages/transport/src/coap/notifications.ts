/**
 * What an observed resource has become, as its reader asks for it (RFC 7641 §3.4): the newest only. Whoever
 * reads slowly misses the states between, which the document allows and memory asks for.
 */
import type { Clock } from '../system.ts';
import { classOf } from './code.ts';
import type { Content } from './message.ts';
import { uintOption } from './option.ts';

export interface Notifications {
  /** The response that the observation began with. */
  begin(first: Content): void;
  put(content: Content): void;
  fail(error: Error): void;
  all(): AsyncIterable<Content>;
}

/** §3.4: numbers go round; after so long a later arrival is newer, whatever its number. */
const freshMs = 128_000;
const half = 2 ** 23;

/** Whether a notification with number `next` comes after one with `last`, which came `ageMs` before. */
export const isNewer = (last: number, next: number, ageMs: number): boolean =>
  (last < next && next - last < half) || (last > next && last - next > half) || ageMs > freshMs;

/** @param isOrdered a stream has brought them, in their order */
export function notificationsOf(clock: Clock, { isOrdered = false } = {}): Notifications {
  let last = 0;
  let lastMs = 0;
  let newest: Content | undefined;
  let failure: Error | undefined;
  let isOver = false;
  let wake: (() => void) | undefined;

  const note = (number: number): void => {
    last = number;
    lastMs = clock.monotonicMs();
  };

  return {
    begin: (first) => note(uintOption(first.options, 'observe') ?? 0),
    put(content) {
      const number = uintOption(content.options, 'observe');
      // §3.2: without the option, or with a failure, it is the last one.
      if (number === undefined || classOf(content.code) !== 2) isOver = true;
      else if (!isOrdered && !isNewer(last, number, clock.monotonicMs() - lastMs)) return;
      else note(number);
      newest = content;
      wake?.();
    },
    fail(error) {
      failure ??= error;
      wake?.();
    },
    async *all() {
      for (;;) {
        if (failure !== undefined) throw failure;
        if (newest !== undefined) {
          const content = newest;
          newest = undefined;
          yield content;
          continue;
        }
        if (isOver) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
