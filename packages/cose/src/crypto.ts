/**
 * The crypto provider: the only file of the device-side rooms that knows `node:crypto`. A port replaces
 * this file, with synchronous functions of the same shape over its own hardware or library.
 */

import * as node from 'node:crypto';
import type { Curve, DigestAlgorithm } from './algorithms.ts';
import { digestAlgorithms } from './algorithms.ts';

/** A key as the provider holds it: imported once, used often, never printed. */
export type NativeKey = node.KeyObject;

/** The numbers of a key, as COSE_Key carries them (RFC 9053 §7): big-endian, of the curve's full length. */
export interface KeyNumbers {
  readonly curve: Curve;
  readonly x: Uint8Array;
  /** Absent on Ed25519. */
  readonly y?: Uint8Array;
  /** Present in a private key. */
  readonly d?: Uint8Array;
}

export interface RunningDigest {
  update(bytes: Uint8Array): void;
  finish(): Uint8Array;
}

const hashNames: Readonly<Record<DigestAlgorithm, string>> = {
  'sha-256': 'sha256',
  'sha-384': 'sha384',
  'sha-512': 'sha512',
  shake128: 'shake128',
  shake256: 'shake256',
};

export function digest(algorithm: DigestAlgorithm, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'sha-256') return plain(node.hash('sha256', bytes, 'buffer'));
  const running = createDigest(algorithm);
  running.update(bytes);
  return running.finish();
}

export function createDigest(algorithm: DigestAlgorithm): RunningDigest {
  const options = algorithm.startsWith('shake') ? { outputLength: digestAlgorithms[algorithm].bytes } : {};
  const hash = node.createHash(hashNames[algorithm], options);
  return { update: (bytes) => void hash.update(bytes), finish: () => plain(hash.digest()) };
}

/** Whether `signature` (r and s side by side for ECDSA) is the key's own over `bytes`. */
export function verify(curve: Curve, key: NativeKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (curve === 'Ed25519') return node.verify(null, bytes, key, signature);
  return node.verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

export function sign(curve: Curve, key: NativeKey, bytes: Uint8Array): Uint8Array {
  if (curve === 'Ed25519') return plain(node.sign(null, bytes, key));
  return plain(node.sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
}

export function hmacSha256(secret: Uint8Array, bytes: Uint8Array): Uint8Array {
  return plain(node.createHmac('sha256', secret).update(bytes).digest());
}

/** Compares without telling by its duration where a difference is. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && node.timingSafeEqual(a, b);
}

export function generate(curve: Curve): NativeKey {
  if (curve === 'Ed25519') return node.generateKeyPairSync('ed25519').privateKey;
  return node.generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

/** @throws where the numbers are no point on the curve. */
export function importKey({ curve, x, y, d }: KeyNumbers): NativeKey {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const jwk = {
    kty: curve === 'Ed25519' ? 'OKP' : 'EC',
    crv: curve,
    x: text(x),
    ...(y === undefined ? {} : { y: text(y) }),
    ...(d === undefined ? {} : { d: text(d) }),
  };
  return d === undefined
    ? node.createPublicKey({ key: jwk, format: 'jwk' })
    : node.createPrivateKey({ key: jwk, format: 'jwk' });
}

/** The numbers of a key on a curve that Lapel speaks, or undefined. */
export function exportKey(key: NativeKey): KeyNumbers | undefined {
  const curve = curveOf(key);
  if (curve === undefined) return undefined;
  const { x, y, d } = key.export({ format: 'jwk' });
  if (x === undefined) return undefined;
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
  return {
    curve,
    x: bytes(x),
    ...(y === undefined ? {} : { y: bytes(y) }),
    ...(d === undefined ? {} : { d: bytes(d) }),
  };
}

function curveOf({ asymmetricKeyType, asymmetricKeyDetails }: NativeKey): Curve | undefined {
  if (asymmetricKeyType === 'ed25519') return 'Ed25519';
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
    ? 'P-256'
    : undefined;
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

/** PKCS#8 for a private key, SPKI for a public one. */
export function writePem(key: NativeKey): string {
  return key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }) as string;
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
