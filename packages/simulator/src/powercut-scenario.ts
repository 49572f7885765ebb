/** An update that the power is cut in, as data. */

import type { Firmware, Flash, Profile } from '@lapel/device';
import type { Behaviour } from './device-life.ts';
import type { Carried } from './flash.ts';

/** A chip between two lives. */
export interface ChipState {
  readonly content: Uint8Array;
  readonly carried?: Carried;
}

/** Something that an author signed. */
export interface Release extends Firmware {
  readonly sequence: number;
  /** Of its manifest, in hex. */
  readonly digest: string;
  /** By the component's name. */
  readonly images: ReadonlyMap<string, Uint8Array>;
}

export interface Scenario {
  readonly name: string;
  readonly profile: Profile;
  /** The flash as it is before the update. */
  readonly factory: ChipState;
  /** All that an author ever signed for this device. */
  readonly releases: readonly Release[];
  /** What is offered, the next one where the device will have no more of the one before. */
  readonly offers: readonly Release[];
  /** What the firmware of the first offer does when it runs; all others are sound. */
  readonly behaviour: Behaviour;
  /** How often a new firmware is booted until it has proved itself. */
  readonly attempts: number;
  /** By component, the release that is confirmed in the end. */
  readonly wanted: ReadonlyMap<string, Release>;
  /** What a person brings to a device of which nothing boots; absent where that must not happen. */
  readonly brought?: Release;
  /** How often nothing may boot, and does so when the device is switched on again. */
  readonly restarts?: number;
  /** The first payloads of each life arrive wrong, so many of them. */
  readonly wrongPayloads?: number;
  /** A confirmed firmware is there at any time, whatever happens. */
  readonly keepsConfirmed: boolean;
  /** Stands between device and flash, in a world that is broken on purpose. */
  readonly wire?: (flash: Flash) => Flash;
}
