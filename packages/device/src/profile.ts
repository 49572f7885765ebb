/**
 * What a kind of device is: where things lie in its flash, which components it has, what it can afford.
 * Profiles are data.
 */

import type { Limits, Policy } from '@lapel/suit';
import type { Layout } from './storage/layout.ts';

export interface Profile {
  readonly name: string;
  readonly layout: Layout;
  readonly limits: Limits;
  /** Strict, where absent. */
  readonly policy?: Policy;
  /** What things take on this kind of device. */
  readonly timing: Timing;
  /** Working memory of bootloader and installer: buffers, windows, state of hashes. */
  readonly ramBytes: number;
}

/** Milliseconds of what a bootloader does. */
export interface Timing {
  /** From reset to its first instruction, and from its last to a service that is there again. */
  readonly resetMs: number;
  readonly signatureMs: number;
  readonly hashMsPerKiB: number;
  readonly eraseMsPerPage: number;
  readonly programMsPerKiB: number;
}
