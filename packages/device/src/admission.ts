/**
 * Is this manifest from somebody the device believes, whole, and for this device (manifest-37 §6.1, §6.2)?
 * An update, a recovery and a first firmware are all asked the same. Nothing has been written when this ends,
 * whatever the answer.
 */

import type { AdmittedManifest } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName } from '@lapel/suit';
import type { Profile } from './profile.ts';
import type { BootRecord } from './storage/boot-record.ts';
import { isComponent } from './storage/components.ts';
import type { TrustStore } from './trust-store.ts';

/** @throws {SuitError} stage `parse`, `auth` or `setup`. */
export function admitEnvelope(
  envelope: Uint8Array,
  profile: Profile,
  trust: TrustStore,
  { floors }: BootRecord,
): AdmittedManifest {
  const manifest = authenticate(envelope, trust.anchors, profile.limits);
  const admitted = admit(manifest, {
    limits: profile.limits,
    hasComponent: (component) => isComponent(profile, component),
    floor: (component) => floors.get(componentName(component)),
  });
  const { algorithm } = manifest.digest;
  if (algorithm === 'sha-256') return admitted;
  // Journal and offers name a manifest by its SHA-256.
  throw new SuitError('setup', 'alg-unsupported', `expected a manifest with sha-256, found ${algorithm}`);
}
