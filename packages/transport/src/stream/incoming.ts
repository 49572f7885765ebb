/**
 * The half of a stream that receives: segments are put in order, each once, at most a window of them kept.
 */
import { after, stepsTo, windowMax } from './segment.ts';

export interface Incoming {
  /** False where it was here already, or lies behind the window. */
  take(number: number, bytes: Uint8Array): boolean;
  /** What comes next and is there. */
  read(): Uint8Array | undefined;
  readonly state: { readonly next: number; readonly there: number };
}

export function incoming(first: number): Incoming {
  const kept = new Map<number, Uint8Array>();
  let next = first;
  return {
    take(number, bytes) {
      if (stepsTo(next, number) >= windowMax || kept.has(number)) return false;
      kept.set(number, bytes);
      return true;
    },
    read() {
      const bytes = kept.get(next);
      if (bytes === undefined) return undefined;
      kept.delete(next);
      next = after(next, 1);
      return bytes;
    },
    get state() {
      let there = 0;
      for (let index = 0; index < windowMax; index++) {
        if (kept.has(after(next, index))) there = (there | (1 << index)) >>> 0;
      }
      return { next, there };
    },
  };
}
