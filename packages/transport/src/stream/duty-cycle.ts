/**
 * A duty cycle: who shares a radio band may send so many bytes in an hour, up and down each its own. A
 * chunk that may not be sent yet waits; nothing is lost by it.
 */
import type { Clock } from '../system.ts';
import type { Chunks } from './chunks.ts';

export interface DutyCycle {
  readonly bytesPerHour: number;
  /** Saved up at most by whoever was silent; a chunk at least. */
  readonly burstBytes: number;
}

const hourMs = 3_600_000;

export function within({ bytesPerHour, burstBytes }: DutyCycle, clock: Clock, chunks: Chunks): Chunks {
  const burst = Math.max(burstBytes, chunks.bytesMax);
  let saved = burst;
  let atMs = clock.monotonicMs();
  /** One after the other, in their order. */
  let last: Promise<void> = Promise.resolve();

  async function sendInTurn(chunk: Uint8Array): Promise<void> {
    const earned = (waitedMs: number) => (waitedMs * bytesPerHour) / hourMs;
    saved = Math.min(burst, saved + earned(clock.monotonicMs() - atMs));
    atMs = clock.monotonicMs();
    if (saved < chunk.length) {
      await clock.sleep(Math.ceil(((chunk.length - saved) * hourMs) / bytesPerHour));
      saved = Math.min(burst, saved + earned(clock.monotonicMs() - atMs));
      atMs = clock.monotonicMs();
    }
    saved -= chunk.length;
    await chunks.send(chunk);
  }

  return {
    bytesMax: chunks.bytesMax,
    send: (chunk) => (last = last.then(() => sendInTurn(chunk))),
    listen: (take) => chunks.listen(take),
  };
}
