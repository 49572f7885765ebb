/**
 * Observing as a server offers it (RFC 7641 §4): a source of responses becomes notifications with numbers
 * that tell which is newer. A Handler whose resource can be waited for is such a source.
 */
import { discard } from '../body.ts';
import type { Handler, Request, Response } from '../exchange.ts';
import type { Clock } from '../system.ts';
import type { Content } from './message.ts';
import { numbered, sequenceNumber } from './observers.ts';

/** What the resource is and becomes; undefined where it cannot be observed. */
export type Subscribe = (request: Request) => AsyncIterable<Response> | undefined;

/** How long a Handler is asked to wait for news. */
const waitMs = 55_000;
/** Between two questions to a resource that did not wait. */
const pauseMs = 5_000;

/**
 * Observes by asking: `GET …?waitMs=…` with the tag of the last answer, which a resource that can be waited
 * for answers when there is news.
 */
export const subscribeByWaiting =
  (handler: Handler, clock: Clock, isObservable: (path: string) => boolean): Subscribe =>
  (request) =>
    isObservable(request.path) ? becoming(handler, clock, request) : undefined;

async function* becoming(handler: Handler, clock: Clock, request: Request): AsyncIterable<Response> {
  const query = new Map([...request.query, ['waitMs', String(waitMs)]]);
  let etag = request.ifNoneMatch;
  for (let isFirst = true; ; isFirst = false) {
    const startMs = clock.monotonicMs();
    const asked = isFirst ? request : { ...request, query, ifNoneMatch: etag };
    const response = await handler(asked);
    const isNews = isFirst || (response.status !== 'valid' && (etag === undefined || response.etag !== etag));
    if (isNews) {
      etag = response.etag ?? etag;
      yield response;
      if (response.status !== 'ok' && response.status !== 'valid') return;
    } else await discard(response.body);
    if (!isFirst && !isNews && clock.monotonicMs() - startMs < pauseMs)
      await clock.sleep(pauseMs, request.signal);
  }
}

/** Notifications of a subscription; whoever stops reading them stops the subscription. */
export function notifying(
  source: AsyncIterable<Response>,
  toContent: (response: Response) => Promise<Content>,
  stop: AbortController,
  clock: Clock,
): { readonly first: () => Promise<Content | undefined>; readonly rest: AsyncIterable<Content> } {
  const iterator = source[Symbol.asyncIterator]();
  let last = sequenceNumber(clock);
  const next = async (): Promise<IteratorResult<Content, undefined>> => {
    try {
      const read = await iterator.next();
      if (read.done === true) return { done: true, value: undefined };
      const content = await toContent(read.value);
      // §4.4: never the same number twice, however quickly one follows the other.
      last = Math.max(sequenceNumber(clock), last + 1) % 2 ** 24;
      return { done: false, value: content.code >>> 5 === 2 ? numbered(content, last) : content };
    } catch (error) {
      if (stop.signal.aborted) return { done: true, value: undefined };
      throw error;
    }
  };
  const rest: AsyncIterator<Content, undefined> & AsyncIterable<Content> = {
    [Symbol.asyncIterator]: () => rest,
    next,
    async return() {
      stop.abort(new Error('the observer is gone'));
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { first: async () => (await next()).value, rest };
}
