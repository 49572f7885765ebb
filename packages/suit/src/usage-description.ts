/**
 * draft-ietf-suit-mud-09 §5: where a description of the device's network usage (RFC 8520) lies, and who signs
 * it. No published text gives the two labels numbers; 1 and 2 are taken, in the order of its CDDL.
 */

import type { Infer } from '@lapel/cbor';
import { map, required, tagged, text } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { equalInConstantTime } from '@lapel/cose';
import { Digest, knownDigest } from './digest.ts';
import { SuitError } from './reason.ts';

const urlMax = 2048;
/** RFC 8949 §3.4.5.3. */
const uriTag = 32;

export const UsageDescription = map({
  url: required(1, tagged(uriTag, text(urlMax))),
  /** The thumbprint of a key (RFC 9679). */
  signer: required(2, Digest),
});
export type UsageDescription = Infer<typeof UsageDescription>;

/**
 * RFC 8520 §5: the description is fetched over HTTPS, and from nowhere else.
 * @throws {SuitError} where the URL or the digest is none that a network could use.
 */
export function requireUsable({ url, signer }: UsageDescription): void {
  knownDigest('setup', signer);
  if (/^https:\/\/[^/]/i.test(url)) return;
  const found = 'expected an https URL of the usage description, found another';
  throw new SuitError('setup', 'parameter-unsupported', found);
}

/** Whether this key is the one that signs the description; its `kid` is its thumbprint with SHA-256. */
export function isUsageSigner({ signer }: UsageDescription, key: VerificationKey): boolean {
  const { algorithm, bytes } = knownDigest('setup', signer);
  return algorithm === 'sha-256' && equalInConstantTime(bytes, key.kid);
}
