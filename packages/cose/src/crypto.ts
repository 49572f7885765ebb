/**
 * The crypto provider: the only file of the device-side rooms that knows `node:crypto`. A port replaces
 * this file, with synchronous functions of the same shape over its own hardware or library.
 */

import * as node from 'node:crypto';
import type { AnyKeyKind, ContentAlgorithm, DigestAlgorithm, KeyKind } from './algorithms.ts';
import { contentAlgorithms, digestAlgorithms } from './algorithms.ts';
import { ecdsa, ecdsaDer } from './ecdsa.ts';
import type { KeyNumbers } from './key-numbers.ts';
import { jwkOf, numbersOfJwk } from './key-numbers.ts';
import * as names from './provider-names.ts';

export type { KeyNumbers };

/** A key as the provider holds it: imported once, used often, never printed. */
export type NativeKey = node.KeyObject;

export interface RunningDigest {
  update(bytes: Uint8Array): void;
  finish(): Uint8Array;
}

export function digest(algorithm: DigestAlgorithm, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'sha-256') return new Uint8Array(Buffer.from(sha256Text(bytes), 'latin1'));
  const running = createDigest(algorithm);
  running.update(bytes);
  return running.finish();
}

/** As text of one byte a character, a short hash comes out of OpenSSL in a quarter of the time. */
const sha256Text = (bytes: Uint8Array): string => node.hash('sha256', bytes, 'binary');

/**
 * Chains of hashes (RFC 8554 §4.3) in one block: for each step its number is put at `stepAt`, and the first
 * `length` bytes of the block's SHA-256 behind it.
 */
export function hashChains(block: Uint8Array, stepAt: number, length: number) {
  const view = Buffer.from(block.buffer, block.byteOffset, block.length);
  return (from: number, to: number): void => {
    for (let step = from; step < to; step++) {
      view[stepAt] = step;
      view.write(sha256Text(view), stepAt + 1, length, 'latin1');
    }
  };
}

export function createDigest(algorithm: DigestAlgorithm): RunningDigest {
  const options = algorithm.startsWith('shake') ? { outputLength: digestAlgorithms[algorithm].bytes } : {};
  const hash = node.createHash(names.hashNames[algorithm], options);
  return { update: (bytes) => void hash.update(bytes), finish: () => plain(hash.digest()) };
}

/** Whether `signature` (r and s side by side for ECDSA) is the key's own over `bytes`. */
export function verify(kind: KeyKind, key: NativeKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { hash, signatureBytes } = ecdsa[kind] ?? {};
  if (hash === undefined) return node.verify(null, bytes, key, signature);
  return signature.length === signatureBytes && node.verify(hash, bytes, key, ecdsaDer(signature));
}

export function sign(kind: KeyKind, key: NativeKey, bytes: Uint8Array): Uint8Array {
  const { hash } = ecdsa[kind] ?? {};
  if (hash === undefined) return plain(node.sign(null, bytes, key));
  return plain(node.sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' }));
}

/** Bytes that nobody can guess, for keys. */
export const randomBytes = (length: number): Uint8Array => plain(node.randomBytes(length));

export function hmacSha256(secret: Uint8Array, bytes: Uint8Array): Uint8Array {
  return plain(node.createHmac('sha256', secret).update(bytes).digest());
}

/** Of one content; the pieces come out as they went in, none is kept back. */
export interface RunningEncryption {
  update(plaintext: Uint8Array): Uint8Array;
  /** The tag; empty where the algorithm has none. */
  finish(): Uint8Array;
}

export interface RunningDecryption {
  /** What comes out is proved by nothing before `finish`. */
  update(ciphertext: Uint8Array): Uint8Array;
  /** Whether the tag is the content's own; true where the algorithm has none. */
  finish(tag: Uint8Array): boolean;
}

/** Cipher, key, initial vector, and the data that is authenticated but not encrypted. */
export interface ContentSecret {
  readonly algorithm: ContentAlgorithm;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly additional: Uint8Array;
}

export function createEncryption({ algorithm, key, iv, additional }: ContentSecret): RunningEncryption {
  if (isBare(algorithm)) {
    const cipher = node.createCipheriv(names.bareCiphers[algorithm], key, iv);
    return { update: (bytes) => plain(cipher.update(bytes)), finish: () => plain(cipher.final()) };
  }
  const authTagLength = contentAlgorithms[algorithm].tagBytes;
  const name = names.authenticatedCiphers[algorithm] as node.CipherGCMTypes;
  const cipher = node.createCipheriv(name, key, iv, { authTagLength }).setAAD(additional);
  return {
    update: (bytes) => plain(cipher.update(bytes)),
    finish() {
      cipher.final();
      return plain(cipher.getAuthTag());
    },
  };
}

export function createDecryption({ algorithm, key, iv, additional }: ContentSecret): RunningDecryption {
  if (isBare(algorithm)) {
    const decipher = node.createDecipheriv(names.bareCiphers[algorithm], key, iv);
    return { update: (bytes) => plain(decipher.update(bytes)), finish: () => decipher.final().length === 0 };
  }
  const authTagLength = contentAlgorithms[algorithm].tagBytes;
  const name = names.authenticatedCiphers[algorithm] as node.CipherGCMTypes;
  const decipher = node.createDecipheriv(name, key, iv, { authTagLength }).setAAD(additional);
  return {
    update: (bytes) => plain(decipher.update(bytes)),
    finish(tag) {
      if (tag.length !== authTagLength) return false;
      decipher.setAuthTag(tag);
      return genuine(() => decipher.final()) !== undefined;
    },
  };
}

const isBare = (algorithm: ContentAlgorithm): algorithm is keyof typeof names.bareCiphers =>
  algorithm in names.bareCiphers;

/** Of a channel's messages: key, nonce, and what is authenticated but not encrypted. */
export interface ChannelSecret {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly additional: Uint8Array;
}

/** AES-CCM-16-64-128: the ciphertext with its tag behind it. */
export function sealCcm({ key, nonce, additional }: ChannelSecret, plaintext: Uint8Array): Uint8Array {
  const cipher = node.createCipheriv('aes-128-ccm', key, nonce, names.ccm);
  cipher.setAAD(additional, { plaintextLength: plaintext.length });
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return new Uint8Array(Buffer.concat([ciphertext, cipher.getAuthTag()]));
}

/** The way back, or undefined where the tag is another's. */
export function openCcm(
  { key, nonce, additional }: ChannelSecret,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const plaintextLength = sealed.length - names.ccm.authTagLength;
  if (plaintextLength < 0) return undefined;
  const decipher = node.createDecipheriv('aes-128-ccm', key, nonce, names.ccm);
  decipher.setAuthTag(sealed.subarray(plaintextLength)).setAAD(additional, { plaintextLength });
  return genuine(() => {
    const plaintext = plain(decipher.update(sealed.subarray(0, plaintextLength)));
    // Where there is no plaintext, only this judges the tag.
    decipher.final();
    return plaintext;
  });
}

/** RFC 3394 §2.2.3: what shows that the key that unwraps is the one that wrapped. */
const wrapIv = new Uint8Array(8).fill(0xa6);
const wrapCipher = (secret: Uint8Array) => `aes${secret.length * 8}-wrap`;

export const wrapKey = (secret: Uint8Array, key: Uint8Array): Uint8Array =>
  plain(node.createCipheriv(wrapCipher(secret), secret, wrapIv).update(key));

/** The key in there, or undefined where another secret has wrapped it. */
export function unwrapKey(secret: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  const decipher = node.createDecipheriv(wrapCipher(secret), secret, wrapIv);
  return genuine(() => plain(decipher.update(wrapped)));
}

/** OpenSSL tells by an error of its own that a tag or a wrapped key is another's. */
function genuine<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && /unable to authenticate|unsupported state/i.test(error.message))
      return undefined;
    throw error;
  }
}

export interface Derivation {
  readonly salt: Uint8Array;
  readonly context: Uint8Array;
  readonly length: number;
}

/** RFC 9053 §6.4: the secret that two halves of two keys share, made into a key of so many bytes. */
export const agree = (own: NativeKey, other: NativeKey, derivation: Derivation): Uint8Array =>
  hkdfSha256(node.diffieHellman({ privateKey: own, publicKey: other }), derivation);

/** RFC 9053 §5.1. */
export const hkdfSha256 = (secret: Uint8Array, { salt, context, length }: Derivation): Uint8Array =>
  new Uint8Array(node.hkdfSync('sha256', secret, salt, context, length));

/** Compares without telling by its duration where a difference is. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && node.timingSafeEqual(a, b);
}

export function generate(kind: KeyKind): NativeKey {
  switch (kind) {
    case 'P-256':
    case 'P-384':
      return node.generateKeyPairSync('ec', { namedCurve: kind }).privateKey;
    case 'Ed25519':
      return node.generateKeyPairSync('ed25519').privateKey;
    case 'ML-DSA-44':
      return node.generateKeyPairSync('ml-dsa-44').privateKey;
    case 'ML-DSA-65':
      return node.generateKeyPairSync('ml-dsa-65').privateKey;
    case 'ML-DSA-87':
      return node.generateKeyPairSync('ml-dsa-87').privateKey;
  }
}

/**
 * What a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) begins with, of each kind that was imported: behind it are
 * the key's numbers. As PEM it is read in half the time that any other form takes.
 */
const spkiHeads = new Map<AnyKeyKind, Uint8Array>();

/** @throws where the numbers are no key of their kind. */
export function importKey(numbers: KeyNumbers): NativeKey {
  const { kind, x, y = new Uint8Array(), d } = numbers;
  // OpenSSL has no HSS: it keeps the bytes, and what they mean is read in hss-lms.ts.
  if (kind === 'HSS-LMS') return node.createSecretKey(x);
  const head = spkiHeads.get(kind);
  if (d === undefined && head !== undefined) {
    const base64 = Buffer.concat([head, x, y]).toString('base64');
    return node.createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----`);
  }
  const jwk = { key: jwkOf({ ...numbers, kind }), format: 'jwk' } as const;
  if (d !== undefined) return node.createPrivateKey(jwk);
  const key = node.createPublicKey(jwk);
  const spki = key.export({ type: 'spki', format: 'der' });
  spkiHeads.set(kind, spki.subarray(0, spki.length - x.length - y.length));
  return key;
}

/** The numbers of a key of a kind that Lapel speaks, or undefined. */
export function exportKey(key: NativeKey): KeyNumbers | undefined {
  if (key.type === 'secret') return { kind: 'HSS-LMS', x: plain(key.export()) };
  const kind = kindOf(key);
  if (kind === undefined) return undefined;
  return numbersOfJwk(kind, key.export({ format: 'jwk' }));
}

function kindOf({ asymmetricKeyType, asymmetricKeyDetails }: NativeKey): KeyKind | undefined {
  return names.kindsByName[asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType ?? ''];
}

/**
 * Reads PEM: a private key (PKCS#8, SEC 1) or a public one (SPKI). A certificate is neither: whoever trusts
 * one must check more of it than its key. @throws where it is neither.
 */
export function readPem(pem: string, passphrase?: string): NativeKey {
  if (!/^-----BEGIN [A-Z ]*(PUBLIC|PRIVATE) KEY-----/m.test(pem)) throw new TypeError('no key in PEM');
  if (!pem.includes('PRIVATE KEY')) return node.createPublicKey(pem);
  return node.createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
}

/** PKCS#8 for a private key, encrypted where there is a passphrase; SPKI for a public one. */
export function writePem(key: NativeKey, passphrase?: string): string {
  const format = 'pem';
  if (key.type !== 'private') return key.export({ type: 'spki', format }) as string;
  const hidden = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return key.export({ type: 'pkcs8', format, ...hidden }) as string;
}

/** RFC 9562 §5.5: a version 5 UUID. SHA-1 makes a name here, it protects nothing. */
export function uuidFromName(namespace: Uint8Array, name: Uint8Array): Uint8Array {
  const hash = node.createHash('sha1').update(namespace).update(name).digest();
  const uuid = new Uint8Array(hash.subarray(0, 16));
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

/** Node's Buffer behaves unlike a Uint8Array (its `slice` shares memory): it stays in this file. */
const plain = ({ buffer, byteOffset, length }: Uint8Array) => new Uint8Array(buffer, byteOffset, length);
