/** A device that knows who it is: what every step of its bootloader works on. */

import type { Profile } from '../profile.ts';
import type { Memory } from '../storage/arena.ts';
import type { Journal } from '../storage/journal.ts';
import type { TrustStore } from '../trust-store.ts';

export interface Provisioned {
  readonly flash: Memory;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
}
