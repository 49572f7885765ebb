/**
 * The algorithms of suit-mti that Lapel speaks so far, with their numbers in the COSE Algorithms registry
 * (RFC 9053, 9054, 9864).
 */

/**
 * Digest algorithms of a SUIT_Digest: number in the registry, and bytes in a digest (RFC 9054; SHAKE with
 * fixed output).
 */
export const digestAlgorithms = {
  'sha-256': { code: -16, bytes: 32 },
  shake128: { code: -18, bytes: 32 },
  'sha-384': { code: -43, bytes: 48 },
  'sha-512': { code: -44, bytes: 64 },
  shake256: { code: -45, bytes: 64 },
} as const;
export type DigestAlgorithm = keyof typeof digestAlgorithms;

/** What a key is on. Every curve here gives at least 112 bits of strength (S4-38). */
export type Curve = 'P-256' | 'Ed25519';

interface SignatureRow {
  readonly code: number;
  readonly curve: Curve;
  readonly signatureBytes: number;
}

/**
 * ES256 (-7) and EdDSA (-8) leave the curve open; on P-256 and Ed25519 they are the same mathematics as the
 * fully specified ESP256 (-9) and Ed25519 (-19) of RFC 9864. Both labels are read; only the specified ones
 * are written.
 */
export const signatureAlgorithms = {
  ESP256: { code: -9, curve: 'P-256', signatureBytes: 64 },
  ES256: { code: -7, curve: 'P-256', signatureBytes: 64 },
  Ed25519: { code: -19, curve: 'Ed25519', signatureBytes: 64 },
  EdDSA: { code: -8, curve: 'Ed25519', signatureBytes: 64 },
} as const satisfies Record<string, SignatureRow>;
export type SignatureAlgorithm = keyof typeof signatureAlgorithms;

/** The label that a signer writes for a key on this curve. */
export const algorithmOf: Readonly<Record<Curve, SignatureAlgorithm>> = {
  'P-256': 'ESP256',
  Ed25519: 'Ed25519',
};

export const macAlgorithms = { 'HMAC 256/256': { code: 5, tagBytes: 32, keyBytesMin: 14 } } as const;

const signatureNames = new Map<number, SignatureAlgorithm>(
  Object.entries(signatureAlgorithms).map(([name, row]) => [row.code, name as SignatureAlgorithm]),
);
const digestNames = new Map<number, DigestAlgorithm>(
  Object.entries(digestAlgorithms).map(([name, row]) => [row.code, name as DigestAlgorithm]),
);

export const signatureAlgorithmByCode = (code: number): SignatureAlgorithm | undefined =>
  signatureNames.get(code);
export const digestAlgorithmByCode = (code: number): DigestAlgorithm | undefined => digestNames.get(code);
