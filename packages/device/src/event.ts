/** Something that happens now and then, for whoever waits for it. */

export interface Event {
  happen(): void;
  /** Resolves where it has happened, or when it does. */
  happened(signal: AbortSignal): Promise<void>;
  /** Resolves when it happens the next time. */
  happens(signal: AbortSignal): Promise<void>;
}

export function event(): Event {
  let has = false;
  const waiting = new Set<() => void>();
  const happens = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => {
        waiting.delete(wake);
        reject(signal.reason as Error);
      };
      const wake = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  return {
    happen() {
      has = true;
      const woken = [...waiting];
      waiting.clear();
      for (const wake of woken) wake();
    },
    happened: async (signal) => {
      if (!has) await happens(signal);
    },
    happens,
  };
}
