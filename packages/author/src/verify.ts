/**
 * Would a device that trusts these keys accept this envelope? Everything that needs no device is
 * checked (manifest-37 §6.2).
 */

import type { VerificationKey } from '@lapel/cose';
import type { AuthenticManifest, UpdateSummary } from '@lapel/suit';
import { authenticate, server, summarise } from '@lapel/suit';
import { requireDigests } from './sign.ts';

export interface Verified {
  readonly authentic: AuthenticManifest;
  readonly summary: UpdateSummary;
}

/** @throws {SuitError} with the stage and the reason of the refusal. */
export function verifyEnvelope(bytes: Uint8Array, trusted: readonly VerificationKey[]): Verified {
  const anchors = trusted.map((key) => ({ key }));
  const authentic = authenticate(bytes, anchors, server);
  requireDigests(authentic.envelope);
  return { authentic, summary: summarise(authentic, server) };
}
