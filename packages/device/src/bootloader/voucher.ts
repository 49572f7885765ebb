/**
 * `verify-once + MAC` (manifest-37 §4.2, S4-119): once the signature has been checked, the bootloader writes
 * down its own word for it, a MAC with a secret of this device over slot, component, sequence number, digest
 * and lengths. At later starts that replaces the signature check, and nothing else: images are hashed all the
 * same.
 */

import { Writer, major } from '@lapel/cbor';
import type { AuthenticManifest } from '@lapel/suit';
import { SuitError, authenticateByVoucher, vouchFor } from '@lapel/suit';
import { policyOf } from '../trust-store.ts';
import type { Provisioned } from './provisioned.ts';
import type { Part } from './select.ts';

/** Undefined where there is no such word, or it does not hold: then the signature must. */
export function authenticateAgain(
  { trust, profile }: Provisioned,
  stored: Uint8Array,
  part: Part,
): AuthenticManifest | undefined {
  const { bootSecret: secret, bootAnchors } = trust;
  const policy = policyOf(profile, trust);
  const { voucher: code } = part.state;
  if (secret === undefined || code === undefined) return undefined;
  try {
    const voucher = { secret, code, binding: bindingOf(part) };
    return authenticateByVoucher(stored, voucher, bootAnchors, profile.limits, policy);
  } catch (error) {
    if (error instanceof SuitError) return undefined;
    throw error;
  }
}

/** Remembers that this part's signature was good, where the device has a secret for it. */
export function vouch({ trust, journal }: Provisioned, part: Part, manifest: AuthenticManifest): void {
  const { bootSecret: secret } = trust;
  if (secret === undefined) return;
  const voucher = vouchFor(manifest, { secret, binding: bindingOf(part) });
  if (voucher !== undefined) journal.append({ name: 'vouched', slot: part.slot, voucher });
}

function bindingOf({ slot, component, state }: Part): Uint8Array {
  const writer = new Writer();
  writer.head(major.array, 5);
  for (const number of [slot, state.sequenceNumber, state.envelopeBytes, state.imageBytes]) {
    writer.head(major.uint, number);
  }
  writer.head(major.array, component.identifier.length);
  for (const piece of component.identifier) writer.bstr(piece);
  return writer.finish();
}
