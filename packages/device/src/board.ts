/**
 * What a board gives: all that Lapel needs from below, and the whole of a port. `port-suite.ts` tries it;
 * `docs/porting.md` leads there. Nothing here is known to the bootloader but flash and what is in
 * `hardware.ts`.
 */

import type { Clock, Random } from '@lapel/transport';
import type { Counter } from './hardware.ts';
import type { Watchdog } from './watchdog.ts';
import type { Flash } from './storage/flash.ts';

export type { Clock, Random } from '@lapel/transport';
export type { Counter } from './hardware.ts';
export type { Watchdog } from './watchdog.ts';
export type { Flash } from './storage/flash.ts';

export interface Board {
  /**
   * All the flash that holds loader, journal, trust store and slots, in one address space from 0.
   *
   * `geometry`: the chips in their order. A page is what one erase sets to ones; a granule is what is
   * programmed at once, whole, and only once between two erases of its page.
   *
   * `read`: any address, any length, across pages and chips; a copy, which whoever asked may change.
   *
   * `program`: whole granules inside one chip, any number of them, across pages. They are programmed
   * upwards, one after the other: the power may go in any of them, and then those below are whole and those
   * above erased. When it returns, they are in flash and in no cache. It keeps no reference to the bytes.
   *
   * `erase`: one page, by its first address. The power may go in the middle: then that page may read
   * anything, another way each time, or not at all, and no other page is touched.
   *
   * All three throw before anything has changed where an argument is out of range, no multiple of its unit,
   * or inside what the hardware protects; `program` also where a granule does not read erased. What cannot
   * be read for damage is a `FlashFault`.
   */
  readonly flash: Flash;
  readonly counter?: Counter;
  readonly watchdog?: Watchdog;
  /**
   * `monotonicMs`: milliseconds since any start, whole or not; never falls, and goes on while the device
   * sleeps. `wallMs`: milliseconds since 1970-01-01T00:00Z, or anything where `wallIsTrusted` is false.
   * `sleep`: resolves no earlier than after so many milliseconds of `monotonicMs`; rejects at once with the
   * signal's reason when that fires, or has fired before.
   */
  readonly clock: Clock;
  /**
   * `bytes`: as many as asked for, from 0 on, of the quality that nonces need: they repeat in no life of the
   * device, nor in another device of the same kind. Each time another array. `fraction`: at least 0, below 1.
   */
  readonly random: Random;
}
