/** An update that the power is cut in, as data. */

import type { Firmware, Flash, Profile } from '@lapel/device';
import type { Handler } from '@lapel/transport';
import type { Behaviour } from './device-life.ts';

export interface Scenario {
  readonly name: string;
  readonly profile: Profile;
  /** The flash as it is before the update. */
  readonly factory: Uint8Array;
  /** A firmware server that has released the new firmware. */
  readonly server: Handler;
  /** Every image that somebody signed, by its sequence number. */
  readonly images: ReadonlyMap<number, Uint8Array>;
  /** What runs before, and what the update brings. */
  readonly sequences: { readonly old: number; readonly new: number };
  /** What the new firmware does when it runs; the old one is sound. */
  readonly behaviour: Behaviour;
  /** How often a new firmware is booted until it has proved itself. */
  readonly attempts: number;
  /** What a person brings to a device of which nothing boots; then the flash is one of such a device. */
  readonly brought?: Firmware;
  /** Stands between device and flash, in a world that is broken on purpose. */
  readonly wire?: (flash: Flash) => Flash;
}
