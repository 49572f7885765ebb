/** Keys that devices are registered with, decoded: who speaks once speaks again soon. */
import { hex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { decodeVerificationKey } from '@lapel/cose';

/** About 8 MiB of them. */
const keptMax = 4_096;
/** By the whole encoded key, so that what is found is what would be decoded; the longest unused first. */
const kept = new Map<string, VerificationKey>();

/** @throws {CoseError} where it is no key. */
export function deviceKey(encoded: Uint8Array): VerificationKey {
  const name = hex(encoded);
  const key = kept.get(name) ?? decodeVerificationKey(encoded);
  kept.delete(name);
  kept.set(name, key);
  const [oldest] = kept.keys();
  if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
  return key;
}
