/**
 * The real clock and the real chance: the only file of this room that knows them (time and chance are
 * arguments).
 */

/** What a role may know of time. A device's wall clock may be wrong until something trusted has set it. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never runs backwards; starts anew at a restart. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01T00:00Z. */
  wallMs(): number;
  /** Whether `wallMs` comes from a source that an attacker on the network cannot set. */
  readonly wallIsTrusted: boolean;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). For jitter and simulation, never for secrets. */
  fraction(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  wallIsTrusted: true,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};
