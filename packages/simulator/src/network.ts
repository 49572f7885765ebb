/** A bad radio link, as a Handler around a Handler: requests, answers and bodies get lost, under a seed. */

import type { Body, Handler, Random } from '@lapel/transport';
import { TransportError, discard } from '@lapel/transport';

export interface Loss {
  /** Share of requests that never arrive. */
  readonly request: number;
  /** Share of answers that never come back, though the request was served. */
  readonly response: number;
  /** Share of chunks of a body behind which nothing more comes. */
  readonly chunk: number;
}

export function lossy(upstream: Handler, random: Random, loss: Loss): Handler {
  const lost = (share: number) => random.fraction() < share;
  return async (request) => {
    if (lost(loss.request)) throw new TransportError('no-answer', 'the request was lost');
    const response = await upstream(request);
    if (lost(loss.response)) {
      await discard(response.body);
      throw new TransportError('no-answer', 'the answer was lost');
    }
    return { ...response, body: leaking(response.body, () => lost(loss.chunk)) };
  };
}

/** A body that can be let go of before anybody has begun to read it, like the one behind it. */
function leaking(body: Body, lost: () => boolean): Body & { destroy(): void } {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (lost()) throw new TransportError('no-answer', 'the link broke off in the middle');
      yield chunk;
    }
  }
  return { [Symbol.asyncIterator]: chunks, destroy: () => void discard(body) };
}
