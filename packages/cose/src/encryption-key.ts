/**
 * The keys for which a payload is encrypted (draft-ietf-suit-firmware-encryption §6): a secret that a device
 * shares with its distribution system, or a key pair of the device's own. They travel and are kept as other
 * keys are, and are made into keys for this use once; to use one key for signing too is bad practice.
 */

import { bytes, exactly, int, map, optional, required, write } from '@lapel/cbor';
import type { AgreementAlgorithm, WrapAlgorithm } from './algorithms.ts';
import { wrapAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import { kidOf } from './cose-key.ts';
import type { NativeKey } from './crypto.ts';
import { randomBytes } from './crypto.ts';
import { kid, readCose } from './headers.ts';
import type { SigningKey, VerificationKey } from './key.ts';
import { decodeSigningKey } from './key.ts';

/** A key-encryption key: sender and recipient share it. */
export interface WrappingKey {
  readonly use: 'wrap';
  readonly kid?: Uint8Array;
  readonly secret: Uint8Array;
}

/** Whoever encrypts for a device holds this half of its key. */
export interface RecipientPublicKey {
  readonly use: 'agree';
  readonly kid: Uint8Array;
  readonly algorithm: AgreementAlgorithm;
  readonly native: NativeKey;
}

/** The device's own half. */
export interface RecipientKey {
  readonly use: 'recover';
  readonly kid?: Uint8Array;
  readonly native: NativeKey;
  readonly public: RecipientPublicKey;
}

/** Symmetric keys (RFC 9053 §7.2 as `Symmetric`). */
export const Symmetric = map({
  type: required(1, exactly(4)),
  kid: optional(2, kid),
  algorithm: optional(3, int),
  secret: required(-1, bytes(1, 64)),
});

/**
 * What a device decrypts with, as it is kept: a COSE_Key, symmetric or private on P-256. One that names
 * itself goes by that name; one on P-256 that does not, by its thumbprint.
 * @throws {CoseError} where the bytes are no such key.
 */
export function decodeDecryptionKey(encoded: Uint8Array): WrappingKey | RecipientKey {
  if (isSymmetric(encoded)) return decodeWrappingKey(encoded);
  const key = recipientKey(decodeSigningKey(encoded));
  return { ...key, kid: kidOf(encoded) ?? key.public.kid };
}

/** A COSE_Key begins with its type. */
export const isSymmetric = (encoded: Uint8Array): boolean => encoded[1] === 1 && encoded[2] === 4;

/** @throws {CoseError} where the bytes are no such secret. */
export function decodeWrappingKey(encoded: Uint8Array): WrappingKey {
  const { kid, algorithm, secret } = readCose(Symmetric, encoded, 'COSE_Key');
  const key = wrappingKey(secret, kid);
  const own = wrapAlgorithms[wrapOf(secret.length)].code;
  if (algorithm === undefined || algorithm === own) return key;
  // RFC 9052 §7.1: a key that names its algorithm is for that one only.
  throw new CoseError('algorithm', `expected ${own} as the algorithm of such a key, found ${algorithm}`);
}

export function encodeWrappingKey({ kid, secret }: WrappingKey): Uint8Array {
  const algorithm = wrapAlgorithms[wrapOf(secret.length)].code;
  return write(Symmetric, { type: 4, ...(kid === undefined ? {} : { kid }), algorithm, secret });
}

/** A fresh secret, under a name that is short, as every manifest repeats it. */
export const generateWrappingKey = (algorithm: WrapAlgorithm, kid = randomBytes(8)): WrappingKey =>
  wrappingKey(randomBytes(wrapAlgorithms[algorithm].keyBytes), kid);

/** By the length of its key. */
export const wrapOf = (length: number): WrapAlgorithm =>
  length === 16 ? 'A128KW' : length === 24 ? 'A192KW' : 'A256KW';

/** @throws {CoseError} where the secret is no key of AES. */
export function wrappingKey(secret: Uint8Array, kid?: Uint8Array): WrappingKey {
  if (!Object.values(wrapAlgorithms).some(({ keyBytes }) => keyBytes === secret.length)) {
    throw new CoseError('algorithm', `expected a secret of 16, 24 or 32 bytes, found ${secret.length}`);
  }
  return { use: 'wrap', secret, ...(kid === undefined ? {} : { kid }) };
}

/** @throws {CoseError} where the key is not on P-256, the curve of suit-mti for this. */
export function recipientKey({ kind, kid, native, public: other }: SigningKey): RecipientKey {
  if (native === undefined) throw otherCurve(kind);
  return { use: 'recover', kid, native, public: recipientPublicKey(other) };
}

/**
 * The algorithm by default is the one of the profiles of suit-mti, for every content algorithm.
 * @throws {CoseError} where the key is not on P-256.
 */
export function recipientPublicKey(
  { kind, kid, native }: VerificationKey,
  algorithm: AgreementAlgorithm = 'ECDH-ES+A128KW',
): RecipientPublicKey {
  if (kind !== 'P-256') throw otherCurve(kind);
  return { use: 'agree', kid, algorithm, native };
}

const otherCurve = (kind: string) =>
  new CoseError('algorithm', `expected a key on P-256 for key agreement, found one of ${kind}`);
