/** What the provider's library has for names, where COSE has others. */

import type { DigestAlgorithm, KeyKind } from './algorithms.ts';
import { channelAlgorithms } from './algorithms.ts';

export const hashNames: Readonly<Record<DigestAlgorithm, string>> = {
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
  shake128: 'shake128',
  shake256: 'shake256',
};

export const authenticatedCiphers = {
  A128GCM: 'aes-128-gcm',
  A192GCM: 'aes-192-gcm',
  A256GCM: 'aes-256-gcm',
  'ChaCha20/Poly1305': 'chacha20-poly1305',
} as const;
export const bareCiphers = {
  A128CTR: 'aes-128-ctr',
  A192CTR: 'aes-192-ctr',
  A256CTR: 'aes-256-ctr',
} as const;

export const ccm = { authTagLength: channelAlgorithms['AES-CCM-16-64-128'].tagBytes } as const;

/** The kinds by the names that OpenSSL has for them. */
export const kindsByName: Readonly<Record<string, KeyKind>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  ed25519: 'Ed25519',
  'ml-dsa-44': 'ML-DSA-44',
  'ml-dsa-65': 'ML-DSA-65',
  'ml-dsa-87': 'ML-DSA-87',
};
