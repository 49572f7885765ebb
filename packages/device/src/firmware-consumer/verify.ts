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
  refuseReverted(manifest.digest.bytes, record, binding);
  return admitted;
}

/** An update that did not prove itself is tried again only when its operator offers it anew. */
function refuseReverted(
  digest: Uint8Array,
  { reverted }: BootRecord,
  { generation = 0 }: OfferBinding,
): void {
  if (reverted === undefined || !equalInConstantTime(reverted.digest, digest)) return;
  if (generation > (reverted.binding.generation ?? 0)) return;
  const found = `expected an update that proves itself, found one that did not: ${reverted.because}`;
  throw new SuitError('setup', 'condition-failed', found);
}
