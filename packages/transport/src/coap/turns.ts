/** NSTART (RFC 7252 §4.7): so many interactions at once with one endpoint; others wait, in their order. */
import { TransportError } from '../transport-error.ts';

export interface Turns {
  /** Resolves when it is this one's turn; `leave` ends it. */
  enter(to: string, signal: AbortSignal): Promise<void> | undefined;
  leave(to: string): void;
}

/** Whoever queues so many requests for one server has lost count of them. */
const queueMax = 1024;

export function turns(atOnce: number): Turns {
  const byPeer = new Map<string, { running: number; readonly queue: (() => void)[] }>();

  return {
    enter(to, signal) {
      const line = byPeer.get(to) ?? { running: 0, queue: [] };
      byPeer.set(to, line);
      if (line.running < atOnce) {
        line.running += 1;
        return undefined;
      }
      if (line.queue.length >= queueMax)
        throw new TransportError('no-answer', `expected at most ${queueMax} requests at once, found more`);
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          line.queue.splice(line.queue.indexOf(go), 1);
          reject(signal.reason as Error);
        };
        const go = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        signal.addEventListener('abort', onAbort, { once: true });
        line.queue.push(go);
      });
    },
    leave(to) {
      const line = byPeer.get(to);
      if (line === undefined) return;
      const next = line.queue.shift();
      if (next !== undefined) return next();
      line.running -= 1;
      if (line.running === 0) byPeer.delete(to);
    },
  };
}
