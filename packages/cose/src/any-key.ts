/**
 * COSE_Keys of whatever use, as people keep them in files: what a key is for stands in the key itself. A
 * symmetric one is for the MAC of manifests where it says so (RFC 9053 §3.1), else for key wrap.
 */

import { write } from '@lapel/cbor';
import { macAlgorithms } from './algorithms.ts';
import { readCoseKey } from './cose-key.ts';
import { randomBytes } from './crypto.ts';
import type { WrappingKey } from './encryption-key.ts';
import { Symmetric, decodeWrappingKey, isSymmetric } from './encryption-key.ts';
import { readCose } from './headers.ts';
import type { MacKey, SigningKey, VerificationKey } from './key.ts';
import { decodeSigningKey, decodeVerificationKey, macKey } from './key.ts';

const { code, keyBytes } = macAlgorithms['HMAC 256/256'];

/** @throws {CoseError} where the bytes are no COSE_Key that is spoken here. */
export function decodeKey(encoded: Uint8Array): SigningKey | VerificationKey | MacKey | WrappingKey {
  if (!isSymmetric(encoded)) {
    return readCoseKey(encoded).d !== undefined ? decodeSigningKey(encoded) : decodeVerificationKey(encoded);
  }
  const { kid, algorithm, secret } = readCose(Symmetric, encoded, 'COSE_Key');
  if (algorithm === code) return macKey(secret, kid);
  return decodeWrappingKey(encoded);
}

export const encodeMacKey = ({ kid, secret }: MacKey): Uint8Array =>
  write(Symmetric, { type: 4, ...(kid === undefined ? {} : { kid }), algorithm: code, secret });

/** A fresh secret, under a name that is short, as each manifest repeats it. */
export const generateMacKey = (kid = randomBytes(8)): MacKey => macKey(randomBytes(keyBytes), kid);
