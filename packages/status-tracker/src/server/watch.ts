/** State changes as they happen, for those who watch; nothing is kept for later. */

export interface StateChange {
  readonly atMs: number;
  readonly kind: 'device' | 'campaign';
  readonly id: string;
  readonly state: string;
  readonly campaign?: string;
  readonly because?: string;
}

export interface Watch {
  tell(change: StateChange): void;
  /** Until the signal fires, or the reader falls too far behind. @throws {RangeError} where too many watch. */
  changes(signal: AbortSignal): AsyncIterable<StateChange>;
}

export const watchersMax = 100;
/** A reader that is further behind loses its place: it reads the present state and watches anew. */
export const backlogMax = 1_000;

export function createWatch(): Watch {
  const watchers = new Set<(change: StateChange) => void>();

  async function* changes(signal: AbortSignal): AsyncGenerator<StateChange, void, undefined> {
    const backlog: StateChange[] = [];
    let wake: () => void = () => undefined;
    const take = (change: StateChange) => {
      backlog.push(change);
      wake();
    };
    const onAbort = () => wake();
    watchers.add(take);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted && backlog.length <= backlogMax) {
        const next = backlog.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      watchers.delete(take);
      signal.removeEventListener('abort', onAbort);
    }
  }

  return {
    tell(change) {
      for (const take of watchers) take(change);
    },
    changes(signal) {
      if (watchers.size >= watchersMax) {
        throw new RangeError(`expected fewer than ${watchersMax} watchers, found as many`);
      }
      return changes(signal);
    },
  };
}
