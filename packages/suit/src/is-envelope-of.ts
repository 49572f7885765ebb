/**
 * Whether bytes from anywhere are an envelope around the manifest with this digest (manifest-37 §8.3). Then a
 * copy is as good as the origin's, whoever gave it; nobody's signature is checked with it.
 */

import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { readEnvelope } from './envelope.ts';
import type { Limits } from './limits.ts';
import { SuitError } from './reason.ts';

/** @param named SHA-256 in hexadecimal, as servers name manifests by it */
export function isEnvelopeOf(bytes: Uint8Array, named: string, limits: Limits): boolean {
  try {
    return hex(digest('sha-256', readEnvelope(bytes, limits).manifest)) === named;
  } catch (error) {
    if (error instanceof SuitError) return false;
    throw error;
  }
}
