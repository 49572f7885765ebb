/** What each kind of key does: sign, verify, and come to its public half; and what two keys share. */

import type { KeyKind } from '@lapel/cose';
import type { KeyNumbers } from '@lapel/cose/crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { equalInConstantTime } from './constant-time.ts';

type Public = Pick<KeyNumbers, 'x' | 'y'>;

export interface Signer {
  newPrivate(): Uint8Array;
  publicOf(d: Uint8Array): Public;
  /** @throws where these are no public key. */
  check(x: Uint8Array, y: Uint8Array | undefined): void;
  sign(d: Uint8Array, bytes: Uint8Array): Uint8Array;
  verify(key: Public, bytes: Uint8Array, signature: Uint8Array): boolean;
}

export const signers: Readonly<Record<KeyKind, Signer>> = {
  'P-256': overCurve(p256),
  'P-384': overCurve(p384),
  Ed25519: {
    newPrivate: () => ed25519.utils.randomSecretKey(),
    publicOf: (d) => ({ x: ed25519.getPublicKey(d) }),
    check: (x) => requireBytes(x, 32),
    sign: (d, bytes) => ed25519.sign(bytes, d),
    verify: ({ x }, bytes, signature) => verifyEd25519(x, bytes, signature),
  },
  'ML-DSA-44': overLattice(ml_dsa44),
  'ML-DSA-65': overLattice(ml_dsa65),
  'ML-DSA-87': overLattice(ml_dsa87),
};

/** ECDSA: r and s side by side. Either s is a signature's, as RFC 9053 §2.1 has it. */
function overCurve(curve: typeof p256): Signer {
  const { Point, lengths } = curve;
  return {
    newPrivate: () => curve.utils.randomSecretKey(),
    publicOf(d) {
      const point = curve.getPublicKey(d, false);
      const half = (point.length - 1) / 2;
      return { x: point.slice(1, 1 + half), y: point.slice(1 + half) };
    },
    check: (x, y) => Point.fromBytes(pointOf({ x, ...(y === undefined ? {} : { y }) })).assertValidity(),
    sign: (d, bytes) => curve.sign(bytes, d, { lowS: false }),
    verify: (key, bytes, signature) =>
      signature.length === lengths.signature && curve.verify(signature, bytes, pointOf(key), { lowS: false }),
  };
}

/** SEC 1 §2.3.3, without compression. */
export function pointOf({ x, y }: Public): Uint8Array {
  if (y?.length !== x.length) throw new RangeError('expected two coordinates of one length, found others');
  const point = new Uint8Array(1 + 2 * x.length);
  point[0] = 4;
  point.set(x, 1);
  point.set(y, 1 + x.length);
  return point;
}

/** The private half is the seed (FIPS 204 §5.1); the key that signs is made of it each time. */
function overLattice(scheme: typeof ml_dsa44): Signer {
  const { lengths } = scheme;
  return {
    newPrivate: () => globalThis.crypto.getRandomValues(new Uint8Array(32)),
    publicOf: (d) => ({ x: scheme.keygen(d).publicKey }),
    check: (x) => requireBytes(x, lengths.publicKey),
    sign: (d, bytes) => scheme.sign(bytes, scheme.keygen(d).secretKey),
    verify: ({ x }, bytes, signature) =>
      signature.length === lengths.signature && scheme.verify(signature, bytes, x),
  };
}

/**
 * RFC 8032 §5.1.7 without the cofactor, as OpenSSL has it: the library's own takes signatures that devices
 * would refuse.
 */
function verifyEd25519(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  const order = Point.Fn.ORDER;
  if (signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  if (s >= order || !ed25519.utils.isValidPublicKey(key, false)) return false;
  const k = bytesToNumberLE(sha512.create().update(r).update(key).update(bytes).digest()) % order;
  const found = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(key).multiplyUnsafe(k));
  return equalInConstantTime(found.toBytes(), r);
}

/** RFC 9053 §6.3: the first coordinate of the point that both come to. */
export function sharedSecret(own: KeyNumbers, other: KeyNumbers): Uint8Array {
  const curve = own.kind === 'P-256' ? p256 : own.kind === 'P-384' ? p384 : undefined;
  if (curve === undefined || other.kind !== own.kind || own.d === undefined) {
    throw new TypeError(`expected keys of one curve, found ${own.kind} and ${other.kind}`);
  }
  return curve.getSharedSecret(own.d, pointOf(other), true).slice(1);
}

function requireBytes(bytes: Uint8Array, expected: number | undefined): void {
  if (bytes.length !== expected)
    throw new RangeError(`expected ${expected ?? 'other'} bytes, found ${bytes.length}`);
}
