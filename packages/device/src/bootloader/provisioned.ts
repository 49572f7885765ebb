/** A device that knows who it is: what every step of its bootloader works on. */

import type { Profile } from '../profile.ts';
import type { Flash } from '../storage/flash.ts';
import type { Journal } from '../storage/journal.ts';
import type { TrustStore } from '../trust-store.ts';

export interface Provisioned {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
}
