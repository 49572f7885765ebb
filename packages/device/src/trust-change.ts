/**
 * A trust store takes the place of another, and whenever the power goes, exactly one of them holds (S1-15).
 * Copy 1 is written while copy 0 holds, then copy 0 while copy 1 does; the journal says which of them holds,
 * in one record each time, and a start finishes what was begun. A copy that was begun may read well at one
 * start and not at the next: without the journal's word nobody believes it.
 */

import { SuitError } from '@lapel/suit';
import type { Flash } from './storage/flash.ts';
import type { Journal } from './storage/journal.ts';
import type { Layout } from './storage/layout.ts';
import type { Provision, TrustStore } from './trust-store.ts';
import { encodeCopy, openProvision, readSound, readTrustStore, writeCopy } from './trust-store.ts';

type Place = Pick<Layout, 'trustStore'>;

/** @throws {SuitError} where it does not fit; nothing has been written. */
export function changeTrustStore(flash: Flash, layout: Place, journal: Journal, next: Provision): void {
  const [zero, one] = layout.trustStore;
  const stored = requireRoom(layout, next);
  // What rotted since is mended first, from the copy that did not.
  const held = [zero, one].map((copy) => readSound(flash, copy));
  if (held[0] === undefined && held[1] !== undefined) mend(flash, layout, journal, 1, held[1]);
  journal.append({ name: 'trust', holds: 0 });
  writeCopy(flash, one, stored);
  mend(flash, layout, journal, 1, next);
}

/**
 * Ends what a power cut interrupted: back to what held, or on to what holds already.
 * @returns what holds; undefined where nothing does.
 */
export function settleTrustStore(flash: Flash, layout: Place, journal: Journal): TrustStore | undefined {
  const { trustHeldIn: holds } = journal.bootRecord;
  const content = holds === undefined ? undefined : readSound(flash, layout.trustStore[holds]);
  // Nothing was begun; or what holds cannot be read this time, and nothing is risked.
  if (holds === undefined || content === undefined) return readTrustStore(flash, layout.trustStore);
  mend(flash, layout, journal, holds, content);
  return openProvision(content);
}

/** The other copy becomes the same as the one that holds. */
function mend(flash: Flash, layout: Place, journal: Journal, holds: 0 | 1, content: Provision): void {
  const other = layout.trustStore[holds === 0 ? 1 : 0];
  if (journal.bootRecord.trustHeldIn !== holds) journal.append({ name: 'trust', holds });
  writeCopy(flash, other, encodeCopy(layout.trustStore, content));
  journal.append({ name: 'trust' });
}

function requireRoom({ trustStore }: Place, next: Provision): Uint8Array {
  try {
    return encodeCopy(trustStore, next);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SuitError('run', 'operation-failed', error.message, { cause: error });
  }
}
