/** A body that is handed over piece by piece: whoever gives one waits until it was taken. */
import type { Body } from '../exchange.ts';

export interface Handover extends Body {
  /** Resolves when the reader has come back for more (true), or wants none. */
  give(bytes: Uint8Array): Promise<boolean>;
  giveLast(bytes: Uint8Array): Promise<boolean>;
  /** Ends the body with an error. */
  fail(error: Error): void;
  /** Nobody will read on. */
  refuse(): void;
}

export function handover(): Handover {
  let waiting: Uint8Array | undefined;
  let isLast = false;
  let failure: Error | undefined;
  let isRefused = false;
  let taken: ((isWanted: boolean) => void) | undefined;
  let wake: (() => void) | undefined;

  const rouse = (): void => {
    wake?.();
    wake = undefined;
  };
  const settle = (isWanted: boolean): void => {
    taken?.(isWanted);
    taken = undefined;
  };
  const put = (bytes: Uint8Array): Promise<boolean> => {
    if (isRefused || failure !== undefined) return Promise.resolve(false);
    waiting = bytes;
    const done = new Promise<boolean>((resolve) => (taken = resolve));
    rouse();
    return done;
  };

  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        if (failure !== undefined) throw failure;
        if (waiting !== undefined) {
          const bytes = waiting;
          waiting = undefined;
          if (bytes.length > 0) yield bytes;
          // Only now, when it comes back for more: what it had is dealt with.
          settle(true);
          continue;
        }
        if (isLast) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      isRefused = true;
      settle(false);
    }
  }

  return {
    [Symbol.asyncIterator]: pieces,
    give: put,
    giveLast(bytes) {
      isLast = true;
      return put(bytes);
    },
    fail(error) {
      failure ??= error;
      settle(false);
      rouse();
    },
    refuse() {
      isRefused = true;
      settle(false);
    },
  };
}
