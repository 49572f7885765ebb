/** The servers behind a gateway, the nearest first and the origin last, asked in that order. */
import type { Handler, Request, Response } from '@lapel/transport';
import { TransportError, discard, emptyBody, wholeBytes } from '@lapel/transport';
import type { Upstream } from './cache/obtain.ts';

/**
 * Asks the first that can be reached. A request that may have been heard is not put to another one, unless it
 * is one that may be repeated.
 */
export function firstReached(upstreams: readonly Upstream[]): Handler {
  return async (request) => {
    let failure: Error | undefined;
    let circle: Response | undefined;
    for (const { handler } of upstreams) {
      try {
        const response = await handler(request);
        // It has done nothing there, so another may be asked, whatever it is.
        if (response.status === 'loop-detected' && isUnread(request)) {
          if (circle !== undefined) await discard(circle.body);
          circle = response;
          continue;
        }
        if (response.status !== 'unavailable' || !isRepeatable(request)) return response;
        failure = await asFailure(response);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        failure = error;
        if (error.kind !== 'unreachable' && !isRepeatable(request)) break;
      }
    }
    if (circle !== undefined && failure === undefined) return circle;
    if (circle !== undefined) await discard(circle.body);
    throw failure ?? new TransportError('unreachable', 'expected a server upstream, found none');
  };
}

/** What is in memory, or nothing, can be sent a second time. */
const isUnread = ({ body }: Request) => body === emptyBody || wholeBytes(body) !== undefined;

const isRepeatable = ({ method, body }: Request) => method === 'GET' && body === emptyBody;

async function asFailure(response: Response): Promise<TransportError> {
  await discard(response.body);
  return new TransportError('no-answer', `the server upstream answered ${response.status}`);
}

/** RFC 9110 §7.6.1: what belongs to one hop stays there; what we do not know is not ours to pass on. */
const passedHeaders = ['authorization', 'content-type', 'accept', 'content-length', 'cdn-loop'] as const;

/** A request as it goes to the next hop. */
export function passedOn({
  method,
  path,
  query,
  headers,
  body,
  signal,
  ifNoneMatch,
  range,
}: Request): Request {
  const passed: Record<string, string | undefined> = {};
  for (const name of passedHeaders) {
    // What is in memory goes with its own length.
    if (name === 'content-length' && wholeBytes(body) !== undefined) continue;
    if (headers[name] !== undefined) passed[name] = headers[name];
  }
  return { method, path, query, headers: passed, body, signal, ifNoneMatch, range };
}
