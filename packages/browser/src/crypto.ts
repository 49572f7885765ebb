/**
 * The crypto provider for browsers: synchronous, with functions of the same shape as the one over node:crypto
 * in `cose`, in whose place it stands. What it answers is held against that one, call by call.
 */

import type { DigestAlgorithm, KeyKind } from '@lapel/cose';
import { digestAlgorithms } from '@lapel/cose';
import type { KeyNumbers, RunningDigest } from '@lapel/cose/crypto';
import { aeskw } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { shake128, shake256 } from '@noble/hashes/sha3.js';
import { openCcm, sealCcm } from './ccm.ts';
import { contentCipher } from './content-cipher.ts';
import { equalInConstantTime } from './constant-time.ts';
import { readKeyDer, writeKeyDer } from './key-der.ts';
import { sharedSecret, signers } from './signers.ts';
import { pemOf, readPemBlock } from './pem.ts';
import type { ContentSecret, Derivation, RunningDecryption, RunningEncryption } from '@lapel/cose/crypto';

export type {
  ChannelSecret,
  ContentSecret,
  Derivation,
  KeyNumbers,
  RunningDecryption,
  RunningDigest,
  RunningEncryption,
} from '@lapel/cose/crypto';
export { equalInConstantTime, openCcm, sealCcm };

/** A key as the provider holds it. Its numbers are not in it: whoever prints it, prints none. */
export interface NativeKey {
  readonly type: 'private' | 'public' | 'secret';
}

/** A key of a kind that is not spoken here has none. */
const numbersByKey = new WeakMap<NativeKey, KeyNumbers>();

const hashes = {
  'sha-256': () => sha256.create(),
  'sha-384': () => sha384.create(),
  'sha-512': () => sha512.create(),
  shake128: () => shake128.create({ dkLen: digestAlgorithms.shake128.bytes }),
  shake256: () => shake256.create({ dkLen: digestAlgorithms.shake256.bytes }),
} as const;

export function digest(algorithm: DigestAlgorithm, bytes: Uint8Array): Uint8Array {
  return hashes[algorithm]().update(bytes).digest();
}

/** Chains of hashes (RFC 8554 §4.3) in one block, which is written to. */
export function hashChains(block: Uint8Array, stepAt: number, length: number) {
  return (from: number, to: number): void => {
    for (let step = from; step < to; step++) {
      block[stepAt] = step;
      block.set(sha256(block).subarray(0, length), stepAt + 1);
    }
  };
}

export function createDigest(algorithm: DigestAlgorithm): RunningDigest {
  const hash = hashes[algorithm]();
  return { update: (bytes) => void hash.update(bytes), finish: () => hash.digest() };
}

export function verify(kind: KeyKind, key: NativeKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return signers[kind].verify(numbersOf(kind, key), bytes, signature);
}

export function sign(kind: KeyKind, key: NativeKey, bytes: Uint8Array): Uint8Array {
  const { d } = numbersOf(kind, key);
  if (d === undefined) throw new TypeError('expected a private key, found a public one');
  return signers[kind].sign(d, bytes);
}

/** What the Web Cryptography API gives at once. */
const randomBytesMax = 65_536;

export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += randomBytesMax) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + randomBytesMax));
  }
  return bytes;
}

export function hmacSha256(secret: Uint8Array, bytes: Uint8Array): Uint8Array {
  return hmac(sha256, secret, bytes);
}

export function createEncryption(secret: ContentSecret): RunningEncryption {
  const { apply, absorb, tag } = contentCipher(secret);
  return {
    update(plaintext) {
      const ciphertext = apply(plaintext);
      absorb(ciphertext);
      return ciphertext;
    },
    finish: tag,
  };
}

export function createDecryption(secret: ContentSecret): RunningDecryption {
  const { apply, absorb, tag } = contentCipher(secret);
  return {
    update(ciphertext) {
      absorb(ciphertext);
      return apply(ciphertext);
    },
    finish(given) {
      const own = tag();
      return own.length === 0 || equalInConstantTime(own, given);
    },
  };
}

export const wrapKey = (secret: Uint8Array, key: Uint8Array): Uint8Array => aeskw(secret).encrypt(key);

export function unwrapKey(secret: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  const cipher = aeskw(secret);
  try {
    return cipher.decrypt(wrapped).slice();
  } catch (error) {
    // The library tells by these errors of its own that another secret has wrapped it, or none.
    if (error instanceof Error && /integrity check failed|invalid ciphertext length/.test(error.message))
      return undefined;
    throw error;
  }
}

export const agree = (own: NativeKey, other: NativeKey, derivation: Derivation): Uint8Array =>
  hkdfSha256(sharedSecret(numbersIn(own), numbersIn(other)), derivation);

/** RFC 5869 §2.3: as many bytes as 255 blocks of the hash. */
const hkdfBytesMax = 255 * 32;

/** RFC 9053 §5.1. */
export function hkdfSha256(secret: Uint8Array, { salt, context, length }: Derivation): Uint8Array {
  if (length <= hkdfBytesMax) return hkdf(sha256, secret, salt, context, length);
  throw new RangeError(`expected at most ${hkdfBytesMax} bytes to derive, found ${length}`);
}

export function generate(kind: KeyKind): NativeKey {
  const { newPrivate, publicOf } = signers[kind];
  const d = newPrivate();
  return keep({ kind, ...publicOf(d), d });
}

/** @throws where the numbers are no key of their kind. */
export function importKey({ kind, x, y, d }: KeyNumbers): NativeKey {
  // HSS is read in hss-lms.ts; here are its bytes only.
  if (kind === 'HSS-LMS') return keep({ kind, x: x.slice() });
  const signer = signers[kind];
  signer.check(x, y);
  // Two coordinates are taken as they stand, as OpenSSL does; only a signature ties d to them.
  const own =
    d === undefined || y !== undefined ? { x, ...(y === undefined ? {} : { y }) } : signer.publicOf(d);
  return keep({ kind, ...own, ...(d === undefined ? {} : { d }) });
}

/** The numbers of a key of a kind that Lapel speaks, or undefined. */
export const exportKey = (key: NativeKey): KeyNumbers | undefined => numbersByKey.get(key);

/** Unencrypted PEM only. @throws where it is none. */
export function readPem(pem: string, passphrase?: string): NativeKey {
  if (passphrase !== undefined) throw new TypeError('expected a key without a passphrase, found one with');
  const { label, der } = readPemBlock(pem);
  const numbers = readKeyDer(label, der);
  if (numbers !== undefined) return keep(numbers);
  return { type: label === 'PUBLIC KEY' ? 'public' : 'private' };
}

/** PKCS#8 for a private key, SPKI for a public one. */
export function writePem(key: NativeKey, passphrase?: string): string {
  if (passphrase !== undefined) throw new TypeError('expected no passphrase for a key here, found one');
  return pemOf(key.type === 'private' ? 'PRIVATE KEY' : 'PUBLIC KEY', writeKeyDer(numbersIn(key)));
}

/** RFC 9562 §5.5: a version 5 UUID. SHA-1 makes a name here, it protects nothing. */
export function uuidFromName(namespace: Uint8Array, name: Uint8Array): Uint8Array {
  const uuid = sha1.create().update(namespace).update(name).digest().slice(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

function keep(numbers: KeyNumbers): NativeKey {
  const type = numbers.kind === 'HSS-LMS' ? 'secret' : numbers.d === undefined ? 'public' : 'private';
  const key: NativeKey = Object.freeze({ type });
  numbersByKey.set(key, numbers);
  return key;
}

function numbersOf(kind: KeyKind, key: NativeKey): KeyNumbers {
  const numbers = numbersIn(key);
  if (numbers.kind !== kind) throw new TypeError(`expected a key of ${kind}, found one of ${numbers.kind}`);
  return numbers;
}

function numbersIn(key: NativeKey): KeyNumbers {
  const numbers = numbersByKey.get(key);
  if (numbers === undefined) throw new TypeError('expected a key of this provider, found another');
  return numbers;
}
