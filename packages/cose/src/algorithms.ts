/**
 * The algorithms that Lapel speaks, with their numbers in the COSE Algorithms registry (RFC 9053, 9054,
 * 9864; ML-DSA after draft-ietf-cose-dilithium; HSS-LMS after RFC 8778). Everything here gives at least 112
 * bits of strength (S4-38): what is weaker is in no table, and so refused.
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

/** How a key of a kind is written: two coordinates, one, or whatever its algorithm says (AKP). */
interface KeyRow {
  readonly family: 'EC2' | 'OKP' | 'AKP';
  readonly algorithm: string;
  /** Of a coordinate, or of the public key where that is one string. */
  readonly publicBytes: number;
  /** Of the private half, which is a seed on AKP. */
  readonly privateBytes: number;
}

/** The kinds of keys that sign for ever: a curve or, where there is none, the parameter set in its place. */
export const keyKinds = {
  'P-256': { family: 'EC2', algorithm: 'ESP256', publicBytes: 32, privateBytes: 32 },
  'P-384': { family: 'EC2', algorithm: 'ESP384', publicBytes: 48, privateBytes: 48 },
  Ed25519: { family: 'OKP', algorithm: 'Ed25519', publicBytes: 32, privateBytes: 32 },
  'ML-DSA-44': { family: 'AKP', algorithm: 'ML-DSA-44', publicBytes: 1312, privateBytes: 32 },
  'ML-DSA-65': { family: 'AKP', algorithm: 'ML-DSA-65', publicBytes: 1952, privateBytes: 32 },
  'ML-DSA-87': { family: 'AKP', algorithm: 'ML-DSA-87', publicBytes: 2592, privateBytes: 32 },
} as const satisfies Record<string, KeyRow>;
export type KeyKind = keyof typeof keyKinds;
/** A hash-based key stands apart: it is used up by signing, and lives by a ledger (leaf-ledger.ts). */
export type AnyKeyKind = KeyKind | 'HSS-LMS';

export interface SignatureRow {
  readonly code: number;
  readonly kind: AnyKeyKind;
  /** Absent where the key's own parameters say. */
  readonly signatureBytes?: number;
}

/**
 * ES256 (-7), ES384 (-35) and EdDSA (-8) leave the curve open; on P-256, P-384 and Ed25519 they are the same
 * mathematics as the fully specified ESP256 (-9), ESP384 (-51) and Ed25519 (-19) of RFC 9864. Both labels
 * are read; only the specified ones are written.
 */
export const signatureAlgorithms = {
  ESP256: { code: -9, kind: 'P-256', signatureBytes: 64 },
  ES256: { code: -7, kind: 'P-256', signatureBytes: 64 },
  ESP384: { code: -51, kind: 'P-384', signatureBytes: 96 },
  ES384: { code: -35, kind: 'P-384', signatureBytes: 96 },
  Ed25519: { code: -19, kind: 'Ed25519', signatureBytes: 64 },
  EdDSA: { code: -8, kind: 'Ed25519', signatureBytes: 64 },
  'ML-DSA-44': { code: -48, kind: 'ML-DSA-44', signatureBytes: 2420 },
  'ML-DSA-65': { code: -49, kind: 'ML-DSA-65', signatureBytes: 3309 },
  'ML-DSA-87': { code: -50, kind: 'ML-DSA-87', signatureBytes: 4627 },
  'HSS-LMS': { code: -46, kind: 'HSS-LMS' },
} as const satisfies Record<string, SignatureRow>;
export type SignatureAlgorithm = keyof typeof signatureAlgorithms;

/** The label that a signer writes for a key of this kind. */
export const algorithmOf = (kind: AnyKeyKind): SignatureAlgorithm =>
  kind === 'HSS-LMS' ? kind : keyKinds[kind].algorithm;

export const macAlgorithms = {
  'HMAC 256/256': { code: 5, tagBytes: 32, keyBytesMin: 14, keyBytes: 32 },
} as const;

interface ContentRow {
  readonly code: number;
  readonly keyBytes: number;
  readonly ivBytes: number;
  /** Of the tag behind the ciphertext; none where the algorithm authenticates nothing. */
  readonly tagBytes: number;
}

/** What encrypts a payload (RFC 9053 §4; RFC 9459 for CTR, which proves nothing: digests must). */
export const contentAlgorithms = {
  A128GCM: { code: 1, keyBytes: 16, ivBytes: 12, tagBytes: 16 },
  A192GCM: { code: 2, keyBytes: 24, ivBytes: 12, tagBytes: 16 },
  A256GCM: { code: 3, keyBytes: 32, ivBytes: 12, tagBytes: 16 },
  'ChaCha20/Poly1305': { code: 24, keyBytes: 32, ivBytes: 12, tagBytes: 16 },
  A128CTR: { code: -65534, keyBytes: 16, ivBytes: 16, tagBytes: 0 },
  A192CTR: { code: -65533, keyBytes: 24, ivBytes: 16, tagBytes: 0 },
  A256CTR: { code: -65532, keyBytes: 32, ivBytes: 16, tagBytes: 0 },
} as const satisfies Record<string, ContentRow>;
export type ContentAlgorithm = keyof typeof contentAlgorithms;

/**
 * What seals the messages of a channel (RFC 9053 §4.2) and nothing else: its tag of 64 bits is for radio,
 * where a forger gets few guesses, and too short for what is kept.
 */
export const channelAlgorithms = {
  'AES-CCM-16-64-128': { code: 10, keyBytes: 16, ivBytes: 13, tagBytes: 8 },
} as const satisfies Record<string, ContentRow>;

/** What wraps the content key for one recipient (RFC 9053 §6.2). */
export const wrapAlgorithms = {
  A128KW: { code: -3, keyBytes: 16 },
  A192KW: { code: -4, keyBytes: 24 },
  A256KW: { code: -5, keyBytes: 32 },
} as const;
export type WrapAlgorithm = keyof typeof wrapAlgorithms;

/** How the wrapping key is agreed upon where none is shared (RFC 9053 §6.4). */
export const agreementAlgorithms = {
  'ECDH-ES+A128KW': { code: -29, wrap: 'A128KW' },
  'ECDH-ES+A192KW': { code: -30, wrap: 'A192KW' },
  'ECDH-ES+A256KW': { code: -31, wrap: 'A256KW' },
} as const satisfies Record<string, { readonly code: number; readonly wrap: WrapAlgorithm }>;
export type AgreementAlgorithm = keyof typeof agreementAlgorithms;

/** A table the other way round. */
function byCode<Name extends string>(
  rows: Readonly<Record<Name, { readonly code: number }>>,
): (code: number) => Name | undefined {
  const names = new Map(
    Object.entries<{ readonly code: number }>(rows).map(([name, { code }]) => [code, name]),
  );
  return (code) => names.get(code) as Name | undefined;
}

export const signatureAlgorithmByCode = byCode(signatureAlgorithms);
export const digestAlgorithmByCode = byCode(digestAlgorithms);
export const contentAlgorithmByCode = byCode(contentAlgorithms);
export const wrapAlgorithmByCode = byCode(wrapAlgorithms);
export const agreementAlgorithmByCode = byCode(agreementAlgorithms);
