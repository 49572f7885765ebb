/** What an answer of the tracker holds, or why it holds nothing. */
import type { Response } from '@lapel/transport';
import { TransportError, collect, readProblem } from '@lapel/transport';

/**
 * The body of an answer that is none of refusal. @throws {TransportError} by what may help: later, or
 * never.
 */
export async function content(response: Response, limitBytes: number): Promise<Uint8Array> {
  const { status } = response;
  if (status === 'ok' || status === 'created' || status === 'changed') {
    return collect(response.body, limitBytes);
  }
  const problem = await readProblem(response);
  const kind = later.has(status) ? 'no-answer' : 'refused';
  throw new TransportError(kind, problem.detail, { cause: problem });
}

/** The tracker is there and can't answer now: asking again later helps. */
const later: ReadonlySet<Response['status']> = new Set([
  'too-many-requests',
  'internal-error',
  'unavailable',
  'storage-full',
  'loop-detected',
]);
