/**
 * Would a device that trusts these anchors accept this envelope? Everything that needs no device is
 * checked (manifest-37 §6.2).
 */

import type { AuthenticManifest, Requirement, TrustAnchor, UpdateSummary } from '@lapel/suit';
import { authenticate, server, strict, summarise } from '@lapel/suit';
import { requireDigests } from './sign.ts';

export interface Verified {
  readonly authentic: AuthenticManifest;
  readonly summary: UpdateSummary;
}

/**
 * @param required of the anchors; any one of them where nothing is.
 * @throws {SuitError} with the stage and the reason of the refusal.
 */
export function verifyEnvelope(
  bytes: Uint8Array,
  anchors: readonly TrustAnchor[],
  required: readonly Requirement[] = [],
): Verified {
  const authentic = authenticate(bytes, anchors, server, { ...strict, required });
  requireDigests(authentic.envelope);
  return { authentic, summary: summarise(authentic, server) };
}
