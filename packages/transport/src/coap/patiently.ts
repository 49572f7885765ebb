/** A carrier that is there and says nothing: an exchange on it counts as unanswered after a while. */
import type { Clock } from '../system.ts';
import { TransportError } from '../transport-error.ts';

/** @throws {TransportError} `no-answer` where it lasts longer than `answerMsMax`. */
export async function patiently<T>(
  clock: Clock,
  answerMsMax: number,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [silence, done] = [new AbortController(), new AbortController()];
  clock.sleep(answerMsMax, done.signal).then(
    () =>
      silence.abort(
        new TransportError('no-answer', `expected an answer within ${answerMsMax} ms, found none`),
      ),
    () => undefined,
  );
  try {
    return await act(AbortSignal.any([signal, silence.signal]));
  } finally {
    done.abort(new Error('answered'));
  }
}
