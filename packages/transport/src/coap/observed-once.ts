/**
 * A device behind a NAT comes back from another address and observes anew, and nothing tells that it is no
 * longer where it was. So whoever observes a resource again takes the place of itself.
 */
import type { Response } from '../exchange.ts';
import type { Subscribe } from './observe-server.ts';

/** Who it is, its token or its channel says: nobody takes the place of another. */
export function observedOnce(subscribe: Subscribe): Subscribe {
  const observing = new Map<string, AbortController>();
  return (request) => {
    const { path, headers, peer } = request;
    // Whom nothing names has no place to take.
    if (headers['authorization'] === undefined && peer === undefined) return subscribe(request);
    const over = new AbortController();
    const signal = AbortSignal.any([request.signal, over.signal]);
    const source = subscribe({ ...request, signal });
    if (source === undefined) return undefined;
    const key = JSON.stringify([path, headers['authorization'], peer?.id]);
    return observed();

    async function* observed(): AsyncIterable<Response> {
      observing.get(key)?.abort(new Error('observed anew'));
      observing.set(key, over);
      try {
        for await (const response of source ?? []) {
          if (over.signal.aborted) return;
          yield response;
        }
      } finally {
        if (observing.get(key) === over) observing.delete(key);
      }
    }
  };
}
