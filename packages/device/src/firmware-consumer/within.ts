/** Work that may hang, with an end. */

import type { Clock } from '@lapel/transport';

/** How long an application may take to answer. One that hangs keeps no update away, and allows none. */
const answerMsMax = 60_000;

/** What the application answers, or undefined where it hangs. */
export const answered = <T>(
  at: { readonly clock: Clock; readonly signal: AbortSignal },
  ask: () => Promise<T>,
): Promise<T | undefined> => within(at.clock.monotonicMs() + answerMsMax, at, ask);

/** What the work resolves to, or undefined where it takes longer. */
export async function within<T>(
  deadlineMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T | undefined> {
  const done = new AbortController();
  const left = Math.max(0, deadlineMs - clock.monotonicMs());
  const late = clock.sleep(left, AbortSignal.any([signal, done.signal])).then(() => undefined);
  try {
    return await Promise.race([work(), late]);
  } finally {
    done.abort();
  }
}
