/**
 * The keys for which a payload is encrypted (draft-ietf-suit-firmware-encryption §6): a secret that a device
 * shares with its distribution system, or a key pair of the device's own. They travel and are kept as other
 * keys are, and are made into keys for this use once; to use one key for signing too is bad practice.
 */

import type { AgreementAlgorithm } from './algorithms.ts';
import { wrapAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import type { NativeKey } from './crypto.ts';
import type { SigningKey, VerificationKey } from './key.ts';

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
