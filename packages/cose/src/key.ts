/** The keys that sign, verify and authenticate, and how one comes by them. */

import type { AnyKeyKind, KeyKind } from './algorithms.ts';
import { keyKinds, macAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import { readCoseKey, writeCoseKey } from './cose-key.ts';
import type { KeyNumbers, NativeKey } from './crypto.ts';
import { digest, exportKey, generate, importKey, readPem, sign, verify, writePem } from './crypto.ts';
import { readHssPublicKey, verifyHss } from './hss-lms.ts';
import { readHssPem, writeHssPem } from './hss-pem.ts';

/** Who verifies with it: one public key. Its `kid` is its thumbprint (RFC 9679, SHA-256). */
export interface VerificationKey {
  readonly use: 'verify';
  readonly kind: AnyKeyKind;
  readonly kid: Uint8Array;
  readonly native: NativeKey;
}

/** Who signs with it. `public` is its other half. */
export interface SigningKey {
  readonly use: 'sign';
  readonly kind: AnyKeyKind;
  readonly kid: Uint8Array;
  /** Absent where the private half is more than a number: a hash-based key lives by its ledger. */
  readonly native?: NativeKey;
  readonly public: VerificationKey;
  /** Signs these bytes with the one algorithm of its kind. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** A secret that two sides share, for HMAC 256/256. */
export interface MacKey {
  readonly use: 'mac';
  readonly kid?: Uint8Array;
  readonly secret: Uint8Array;
}

export function generateSigningKey(kind: KeyKind): SigningKey {
  return signingKey(generate(kind));
}

/** @throws {CoseError} where the bytes are no COSE_Key for a signature that Lapel speaks. */
export function decodeVerificationKey(encoded: Uint8Array): VerificationKey {
  const { d: _, ...numbers } = readCoseKey(encoded);
  return verificationKeyOf(numbers, imported(numbers));
}

/** @throws {CoseError} where the bytes are no private COSE_Key. */
export function decodeSigningKey(encoded: Uint8Array): SigningKey {
  const { d, ...numbers } = readCoseKey(encoded);
  if (d === undefined) throw new CoseError('malformed', 'expected a private key, found a public one');
  const key = signingKey(imported({ ...numbers, d }));
  // Nothing in the encoding ties the halves to each other; only a signature shows that they are one key's.
  if (!isSignatureOf(verificationKey(imported(numbers)), key.kid, key.sign(key.kid))) {
    throw new CoseError('malformed', 'expected a private key with its own public one, found another');
  }
  return key;
}

/**
 * The deterministic COSE_Key with its required members only: what a thumbprint is taken over (RFC 9679 §3).
 */
export function encodeVerificationKey(key: VerificationKey): Uint8Array {
  return writeCoseKey(numbersIn(key.native));
}

/** @throws {CoseError} where the key lives by a ledger. */
export function encodeSigningKey(key: SigningKey): Uint8Array {
  return writeCoseKey(numbersIn(portable(key)));
}

/** Whether the signature is this key's own over the bytes, by the one algorithm of its kind. */
export function isSignatureOf(key: VerificationKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { kind, native } = key;
  if (kind !== 'HSS-LMS') return verify(kind, native, bytes, signature);
  return verifyHss(readHssPublicKey(numbersIn(native).x), bytes, signature);
}

export function macKey(secret: Uint8Array, kid?: Uint8Array): MacKey {
  const { keyBytesMin } = macAlgorithms['HMAC 256/256'];
  if (secret.length < keyBytesMin) {
    throw new CoseError(
      'algorithm',
      `expected a secret of at least ${keyBytesMin} bytes, found ${secret.length}`,
    );
  }
  return { use: 'mac', secret, ...(kid === undefined ? {} : { kid }) };
}

/** @throws {CoseError} where the text is no key in PEM, or of a kind that is not spoken here. */
export function readKeyPem(pem: string, passphrase?: string): SigningKey | VerificationKey {
  const hashBasedKey = readHssPem(pem);
  if (hashBasedKey !== undefined) {
    return decodeVerificationKey(writeCoseKey({ kind: 'HSS-LMS', x: hashBasedKey }));
  }
  let native: NativeKey;
  try {
    native = readPem(pem, passphrase);
  } catch (error) {
    const message = isEncryptedPem(pem) ? passphraseText(passphrase) : 'a key in PEM, found another text';
    throw new CoseError('malformed', `expected ${message}`, { cause: error });
  }
  return native.type === 'private' ? signingKey(native) : verificationKey(native);
}

/** Whether nobody reads the key without a passphrase: PKCS#8 (RFC 5958), or as OpenSSL once wrote SEC 1. */
export const isEncryptedPem = (pem: string): boolean =>
  /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);

const passphraseText = (passphrase: string | undefined): string =>
  passphrase === undefined
    ? 'a passphrase for a key that is encrypted, found none'
    : 'the passphrase of this key, found another';

/**
 * @param passphrase under which a private key is encrypted.
 * @throws {CoseError} where PEM has no form for such a key.
 */
export const keyToPem = (key: SigningKey | VerificationKey, passphrase?: string): string =>
  key.use === 'verify' && key.kind === 'HSS-LMS'
    ? writeHssPem(numbersIn(key.native).x)
    : writePem(portable(key), passphrase);

function verificationKey(native: NativeKey): VerificationKey {
  const { d: _, ...numbers } = numbersIn(native);
  return verificationKeyOf(numbers, native);
}

function verificationKeyOf(numbers: KeyNumbers, native: NativeKey): VerificationKey {
  const { kind } = numbers;
  if (kind === 'HSS-LMS') readHssPublicKey(numbers.x);
  return { use: 'verify', kind, kid: digest('sha-256', writeCoseKey(numbers)), native };
}

function signingKey(native: NativeKey): SigningKey {
  const { d: _, ...numbers } = numbersIn(native);
  const other = verificationKey(importKey(numbers));
  const { kind, kid } = other;
  if (kind === 'HSS-LMS') throw hashBased();
  const own = (bytes: Uint8Array) => sign(kind, native, bytes);
  return { use: 'sign', kind, kid, native, public: other, sign: own };
}

function portable({ kind, native }: SigningKey | VerificationKey): NativeKey {
  if (native === undefined || kind === 'HSS-LMS') throw hashBased();
  return native;
}

const hashBased = () =>
  new CoseError('algorithm', 'expected a key whose private half is a number, found a hash-based one');

function imported(numbers: KeyNumbers): NativeKey {
  try {
    return importKey(numbers);
  } catch (error) {
    throw new CoseError('malformed', `expected a key of ${numbers.kind}, found other numbers`, {
      cause: error,
    });
  }
}

function numbersIn(native: NativeKey): KeyNumbers {
  const numbers = exportKey(native);
  if (numbers === undefined) {
    const kinds = Object.keys(keyKinds).join(', ');
    throw new CoseError('algorithm', `expected a key of ${kinds}, found another kind`);
  }
  return numbers;
}
