/** What a device needs to hold its tracker to operators: keys in its trust store, a memory in its flash. */

import type { HeldTo } from '@lapel/status-tracker/client';
import type { Terms } from '@lapel/status-tracker/protocol';
import { manifestVersion } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { Profile } from './profile.ts';
import type { Flash } from './storage/flash.ts';
import type { Journal } from './storage/journal.ts';
import { readTrustStore } from './trust-store.ts';

interface Device {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly journal: Journal;
  readonly clock: Clock;
}

/** Undefined where it was not made to. */
export function heldToOperators({ flash, profile, journal, clock }: Device): HeldTo | undefined {
  const trust = () => readTrustStore(flash, profile.layout.trustStore);
  if (trust()?.holdsToOperators !== true) return undefined;
  return {
    // Read each time: orders change whom it trusts. Where no store is whole, nobody is trusted.
    keys: () => trust()?.operators ?? [],
    known: () => journal.bootRecord.newest,
    keep: (known) => journal.append({ name: 'newest', ...known }),
    clock,
  };
}

/** As such a device registers, that is there whenever it likes. */
export const holdingTerms: Terms = {
  transports: ['http'],
  manifestVersions: [manifestVersion],
  reachability: 'queue',
  holdsToOperators: true,
};
