/**
 * Is this manifest from somebody the device believes, whole, and for this device now (manifest-37 §6.1,
 * §6.2)? Nothing has been written when this ends, whatever the answer.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import type { BootRecord, OfferBinding } from '../storage/boot-record.ts';
import { isComponent } from '../storage/components.ts';
import type { TrustStore } from '../trust-store.ts';

/** @throws {SuitError} stage `parse`, `auth` or `setup`. */
export function verify(
  envelope: Uint8Array,
  profile: Profile,
  trust: TrustStore,
  record: BootRecord,
  binding: OfferBinding = {},
): AdmittedManifest {
  const manifest = authenticate(envelope, trust.anchors, profile.limits);
  const admitted = admit(manifest, {
    limits: profile.limits,
    hasComponent: (component) => isComponent(profile, component),
    floor: (component) => record.floors.get(componentName(component)),
  });
  const { algorithm, bytes } = manifest.digest;
  if (algorithm !== 'sha-256') {
    // Journal and offers name a manifest by its SHA-256.
    throw new SuitError('setup', 'alg-unsupported', `expected a manifest with sha-256, found ${algorithm}`);
  }
  refuseReverted(bytes, record, binding);
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
