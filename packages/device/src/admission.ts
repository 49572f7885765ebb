/**
 * Is this manifest from somebody the device believes, whole, and for this device (manifest-37 §6.1, §6.2)?
 * An update, a recovery and a first firmware are all asked the same. Nothing has been written when this ends,
 * whatever the answer.
 */

import type { AdmittedManifest, Floor } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName } from '@lapel/suit';
import type { Profile } from './profile.ts';
import { dependenciesOf } from './storage/dependencies.ts';
import { isBootFloor } from './storage/boot-floor.ts';
import type { BootRecord } from './storage/boot-record.ts';
import { componentOf, isStaging } from './storage/layout.ts';
import { isTrustAnchors } from './trust-anchors.ts';
import type { TrustStore } from './trust-store.ts';
import { policyOf } from './trust-store.ts';

/**
 * What of a device may be acted upon: its own components, or those too that other processors keep for it.
 */
export type Reach = 'own' | 'linked';

/**
 * @param least a sequence number that hardware remembers, where the journal has lost it.
 * @throws {SuitError} stage `parse`, `auth` or `setup`.
 */
export function admitEnvelope(
  envelope: Uint8Array,
  profile: Profile,
  trust: TrustStore,
  { floors }: BootRecord,
  least?: number,
  reach: Reach = 'own',
): AdmittedManifest {
  const policy = policyOf(profile, trust);
  const manifest = authenticate(envelope, trust.anchors, profile.limits, policy);
  const admitted = admit(manifest, {
    limits: profile.limits,
    policy,
    hasComponent: (component) =>
      componentOf(profile.layout, component) !== undefined ||
      isBootFloor(component) ||
      isTrustAnchors(component),
    isAnothers: (component) => reach === 'own' && componentOf(profile.layout, component)?.scheme === 'link',
    dependencies: dependenciesOf(trust.anchors),
    // What passes through a component says nothing of what comes next.
    floor: (component) =>
      isStaging(profile.layout, component) ? undefined : atLeast(floors.get(componentName(component)), least),
  });
  if (admitted.components.length > 1 && admitted.components.some(isTrustAnchors)) {
    const found = 'expected an order about trust anchors alone, found one beside other components';
    throw new SuitError('setup', 'component-unsupported', found);
  }
  const { algorithm } = manifest.digest;
  if (algorithm === 'sha-256') return admitted;
  // Journal and offers name a manifest by its SHA-256.
  throw new SuitError('setup', 'alg-unsupported', `expected a manifest with sha-256, found ${algorithm}`);
}

/** The higher of the two: of a number that only hardware remembers, nobody knows whose it was. */
function atLeast(floor: Floor | undefined, least: number | undefined): Floor | undefined {
  if (least === undefined || (floor?.sequenceNumber ?? 0) >= least) return floor;
  return { sequenceNumber: least };
}
