/** What a factory puts into a trust store, and no bootloader ever does: one that a device can live with. */

import { distinctVoices, quorums } from '@lapel/suit';
import type { Flash, Region } from './storage/flash.ts';
import { anchorsMax } from './trust-anchors.ts';
import type { Provision, TrustStore } from './trust-store.ts';
import { encodeCopy, openProvision, writeCopy } from './trust-store.ts';

/**
 * Writes both copies; what stood there before is gone.
 * @throws {CoseError}, {RangeError} where the device could not live with it; then nothing is written.
 */
export function provision(flash: Flash, copies: readonly [Region, Region], content: Provision): void {
  const { attempts, trackerKey, confirmBy } = requireSatisfiable(openProvision(content));
  if (attempts === 0) throw new RangeError('expected at least one attempt for each trial, found none');
  if (confirmBy === 'tracker' && trackerKey === undefined) {
    throw new RangeError('expected the key of the tracker that ends a trial, found none');
  }
  const stored = encodeCopy(copies, content);
  for (const copy of copies) writeCopy(flash, copy, stored);
}

/** A device that could never again accept anything. */
function requireSatisfiable(trust: TrustStore): TrustStore {
  if (trust.required.some(({ count }) => count === 0 || count > anchorsMax)) {
    throw new RangeError(`expected requirements of 1 to ${anchorsMax} trust anchors, found another`);
  }
  if (distinctVoices(trust.bootAnchors).length < trust.bootAnchors.length) {
    throw new RangeError('expected each key once among the trust anchors, found one again');
  }
  if (canBeMet(trust)) return trust;
  throw new RangeError('expected trust anchors that can meet what is required, found too few');
}

/** Whether there are trust anchors enough to vouch for something new, and to let it be offered. */
export function canBeMet(trust: TrustStore): boolean {
  const { anchors, required: needed, holdsToOperators, operators } = trust;
  if (holdsToOperators && operators.length === 0) return false;
  const [quorum] = quorums(distinctVoices(anchors), needed);
  return quorum !== undefined;
}
