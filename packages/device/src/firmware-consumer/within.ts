/** Work that may hang, with an end. */

import type { Clock } from '@lapel/transport';

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
