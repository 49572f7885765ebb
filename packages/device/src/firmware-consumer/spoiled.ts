/**
 * Patience with payloads that arrive wrong. That is no fault of the release, so it is never given up; but
 * every try erases pages, and flash wears out. So each one in a row is waited for twice as long as the one
 * before, and a restart changes nothing about it: ten thousand offers cost a handful of tries.
 */

import { equalInConstantTime } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import type { Journal } from '../storage/journal.ts';

/** Between two tries, at most. */
const waitMsMax = 24 * 60 * 60 * 1000;
const waitMsFirst = 60_000;

export interface Spoiled {
  /** @throws {SuitError} where it is too early to try this manifest again. */
  requirePatience(digest: Uint8Array): void;
  /** Its payload arrived wrong. */
  happened(digest: Uint8Array): void;
}

export function patienceWith(journal: Journal, clock: Clock): Spoiled {
  /** When the last one was tried; nobody knows how long before this start. */
  let lastMs = clock.monotonicMs();
  const timesOf = (digest: Uint8Array): number => {
    const { spoiled } = journal.bootRecord;
    return spoiled !== undefined && equalInConstantTime(spoiled.digest, digest) ? spoiled.times : 0;
  };
  return {
    requirePatience(digest) {
      const times = timesOf(digest);
      if (times === 0) return;
      const waitMs = Math.min(waitMsMax, waitMsFirst * 2 ** (times - 1));
      const leftMs = lastMs + waitMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      const found = `found one that arrived wrong ${times} times`;
      const later = `tried again in ${Math.ceil(leftMs / 1000)} s`;
      throw new SuitError('run', 'operation-failed', `expected a whole payload, ${found}: ${later}`);
    },
    happened(digest) {
      lastMs = clock.monotonicMs();
      journal.append({ name: 'spoiled', digest, times: timesOf(digest) + 1 });
    },
  };
}
