/**
 * May this update be installed now? It is admitted like anything that comes to the device, and it is not one
 * that has been tried in vain. Nothing has been written when this ends, whatever the answer.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import { admitEnvelope } from '../admission.ts';
import type { Profile } from '../profile.ts';
import type { BootRecord } from '../storage/boot-record.ts';
import type { OfferBinding } from '../storage/slot-state.ts';
import type { TrustStore } from '../trust-store.ts';

/** @throws {SuitError} stage `parse`, `auth` or `setup`. */
export function verify(
  envelope: Uint8Array,
  profile: Profile,
  trust: TrustStore,
  record: BootRecord,
  binding: OfferBinding = {},
): AdmittedManifest {
  const admitted = admitEnvelope(envelope, profile, trust, record, undefined, 'linked');
  refuseReverted(admitted.authentic.digest.bytes, record, binding);
  return admitted;
}

/** How often an update that did not prove itself may be tried again, whoever offers it: flash wears out. */
const retriesMax = 3;

/**
 * An update that did not prove itself is tried again only when its operator offers it anew; one that never
 * ran, because flash lost it, by itself.
 */
function refuseReverted(
  digest: Uint8Array,
  { reverted }: BootRecord,
  { generation = 0 }: OfferBinding,
): void {
  if (reverted === undefined || !equalInConstantTime(reverted.digest, digest)) return;
  const isAnew = reverted.rotten || generation > (reverted.binding.generation ?? 0);
  if (isAnew && reverted.times <= retriesMax) return;
  const found = `expected an update that proves itself, found one that did not: ${reverted.because}`;
  throw new SuitError('setup', 'condition-failed', found);
}
