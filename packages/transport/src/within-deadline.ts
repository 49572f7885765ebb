/** An exchange that counts as unanswered when it has lasted too long. */
import type { Clock } from './system.ts';
import { TransportError } from './transport-error.ts';

/** Nobody sees it: one made for each exchange would cost more than it. */
const inTime = new Error('the answer came in time');

/** @throws {TransportError} `no-answer` where the exchange lasts longer than `ms`. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal | undefined,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const signal = outer === undefined ? late.signal : AbortSignal.any([late.signal, outer]);
  const expired = clock.sleep(ms, done.signal).then(
    () => {
      const error = new TransportError('no-answer', `expected an answer within ${ms} ms, found none`);
      late.abort(error);
      throw error;
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([exchange(signal), expired]);
  } finally {
    done.abort(inTime);
  }
}
