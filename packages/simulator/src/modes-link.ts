/** Links that are slow, and there only now and then. */

import type { Body, Clock, Handler } from '@lapel/transport';
import { TransportError, discard } from '@lapel/transport';

export interface LinkPlan {
  readonly clock: Clock;
  readonly isUp: () => boolean;
  readonly bytesPerSecond: () => number;
  /** What is sent while it is down waits so long for it; without that, it is lost. */
  readonly untilUpMs?: () => number;
}

const pieceBytes = 256;

/** What is under way when the link goes is lost from there on. */
export const slowLink =
  ({ clock, isUp, bytesPerSecond, untilUpMs }: LinkPlan) =>
  (upstream: Handler): Handler =>
  async (asked) => {
    if (!isUp() && untilUpMs !== undefined) await clock.sleep(untilUpMs(), asked.signal);
    if (!isUp()) throw new TransportError('no-answer', 'the link is down');
    const answer = await upstream(asked);
    if (!isUp()) {
      await discard(answer.body);
      throw new TransportError('no-answer', 'the link went down');
    }
    return { ...answer, body: slowly(answer.body) };

    async function* slowly(body: Body): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes);
          await clock.sleep((piece.length * 1000) / bytesPerSecond(), asked.signal);
          if (!isUp()) throw new TransportError('no-answer', 'the link went down');
          yield piece;
        }
      }
    }
  };
