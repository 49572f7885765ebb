/** Whom a device trusts, from the text of a file. */

import { unhex } from '@lapel/cbor';
import { macKey, readKeyPem } from '@lapel/cose';
import type { TrustAnchor } from '@lapel/suit';

/**
 * PEM, the bare base64 of a private key, or a shared secret in hex; of a private key its public half.
 * @throws {CoseError} where it is none of them.
 */
export function readTrustAnchor(text: string): TrustAnchor {
  const trimmed = text.trim();
  const secret = trimmed === '' ? undefined : unhex(trimmed);
  if (secret !== undefined) return { key: macKey(secret) };
  const isBase64 = /^[A-Za-z0-9+/\s]{60,}={0,2}$/.test(trimmed);
  const pem = isBase64 ? `-----BEGIN PRIVATE KEY-----\n${trimmed}\n-----END PRIVATE KEY-----` : trimmed;
  const key = readKeyPem(pem);
  return { key: key.use === 'sign' ? key.public : key };
}
