/** Makes requests, and takes in what a request brings: the two ends of one exchange, whatever carries it. */
import { collect, emptyBody, tooLong } from './body.ts';
import type { Method, Request } from './exchange.ts';
import { Problem } from './problem.ts';

/** A request with nothing in it but what is given: no body, no range, a signal that never fires. */
export function request(
  method: Method,
  path: string,
  given: Partial<Omit<Request, 'method' | 'path'>> = {},
): Request {
  return {
    method,
    path,
    query: given.query ?? new Map(),
    headers: given.headers ?? {},
    body: given.body ?? emptyBody,
    peer: given.peer,
    certificates: given.certificates,
    sender: given.sender,
    signal: given.signal ?? new AbortController().signal,
    ifNoneMatch: given.ifNoneMatch,
    range: given.range,
  };
}

/**
 * The body of a request that we serve, held whole.
 * @throws {Problem} `too-large` where it is, or says that it will be, longer than `limitBytes`.
 */
export async function receive(served: Request, limitBytes: number): Promise<Uint8Array> {
  const declared = Number(served.headers['content-length']);
  const refuse = (detail: string) => new Problem('too-large', detail, { limitBytes });
  if (declared > limitBytes) throw refuse(tooLong(limitBytes, `${declared}`));
  return collect(served.body, limitBytes, refuse);
}
