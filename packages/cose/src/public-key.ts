/** A public key by its bytes and its name alone, for whoever keeps it and proves nothing by it. */
import { readCoseKey, writeCoseKey } from './cose-key.ts';
import { digest } from './crypto.ts';

export interface PublicKey {
  /** The deterministic COSE_Key with its required members only. */
  readonly encoded: Uint8Array;
  /** Its thumbprint (RFC 9679 §3). */
  readonly kid: Uint8Array;
}

/**
 * Whether its numbers are a point of its curve is seen where it proves something.
 * @throws {CoseError} where the bytes are no COSE_Key for a signature that Lapel speaks.
 */
export function publicKeyOf(encodedKey: Uint8Array): PublicKey {
  const { d: _, ...numbers } = readCoseKey(encodedKey);
  const encoded = writeCoseKey(numbers);
  return { encoded, kid: digest('sha-256', encoded) };
}
