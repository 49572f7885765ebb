/**
 * The working memory of bootloader and installer, counted: buffers, windows, and what hashes and decoders
 * keep between two calls. A Class 1 device has 10 KiB for all of it (RFC 7228; RFC 9124 §4.3.21), and one
 * procedure at a time. What is read where it lies (a journal, a manifest that was installed) takes none.
 */

import type { Flash } from './flash.ts';
import { Shortage } from './shortage.ts';

export interface Arena {
  /** @throws {Shortage} where there is not so much left. */
  take(bytes: number, what: string): Lease;
  /** The most that was taken at once, so far. */
  readonly peakBytes: number;
}

export interface Lease {
  readonly bytes: number;
  free(): void;
}

/** Flash, and the memory to work on it. */
export type Memory = Flash & { readonly arena: Arena };

/** A running SHA-256: its state, and the block that is not full yet. */
export const hashStateBytes = 112;
/** A record of the journal at its longest, before it is programmed. */
const recordBytes = 512;

/** For one procedure: whatever it leaves taken ends with it. */
export function createArena(limitBytes: number): Arena {
  let [taken, peak] = [0, 0];
  const take = (bytes: number, what: string): Lease => {
    if (taken + bytes > limitBytes) {
      const found = `expected ${bytes} bytes for ${what}, found ${limitBytes - taken} of ${limitBytes} left`;
      throw new Shortage('memory', found);
    }
    taken += bytes;
    peak = Math.max(peak, taken);
    let isTaken = true;
    return {
      bytes,
      free() {
        taken -= isTaken ? bytes : 0;
        isTaken = false;
      },
    };
  };
  take(Math.min(recordBytes, limitBytes), 'a record');
  return {
    take,
    get peakBytes() {
      return peak;
    },
  };
}

/** Memory for one procedure that talks over a line: what the line needs is taken. */
export function memoryOnLine(flash: Flash, ramBytes: number, lineBytes: number, envelopeBytes = 0): Memory {
  const arena = createArena(ramBytes);
  arena.take(lineBytes, 'a request and an answer');
  arena.take(envelopeBytes, 'an envelope');
  return withArena(flash, arena);
}

export const withArena = (flash: Flash, arena: Arena): Memory => ({
  arena,
  geometry: flash.geometry,
  read: (address, length) => flash.read(address, length),
  program: (address, bytes) => flash.program(address, bytes),
  erase: (address) => flash.erase(address),
});

/** How much is read at once where more is looked through: what a Class 1 device can spare. */
export const windowBytes = 512;

/** `length` bytes from `address` in windows, so that no image is held whole. */
export function* windows(memory: Memory, address: number, length: number): Generator<Uint8Array> {
  const lease = memory.arena.take(windowBytes, 'a window');
  try {
    for (let at = 0; at < length; at += windowBytes) {
      yield memory.read(address + at, Math.min(windowBytes, length - at));
    }
  } finally {
    lease.free();
  }
}

/** Work with so much of it, which is free again behind it. */
export function lending<T>({ arena }: Memory, bytes: number, what: string, work: () => T): T {
  const lease = arena.take(bytes, what);
  try {
    return work();
  } finally {
    lease.free();
  }
}
