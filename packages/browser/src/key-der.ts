/**
 * Keys in DER: SubjectPublicKeyInfo (RFC 5280 §4.1), PKCS#8 (RFC 5958) and SEC 1 (RFC 5915), for curves (RFC
 * 5480, RFC 8410) and ML-DSA (RFC 9881). It reads one encoding of each value, and refuses what is left over.
 */

import { compareBytes, hex, unhex } from '@lapel/cbor';
import type { KeyKind } from '@lapel/cose';
import { joined, keyKinds } from '@lapel/cose';
import type { KeyNumbers } from '@lapel/cose/crypto';
import { p256, p384 } from '@noble/curves/nist.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import type { KeyLabel } from './pem.ts';
import { pointOf, signers } from './signers.ts';

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  /** [0] and [1], implicit and of one value, or explicit. */
  seed: 0x80,
  parameters: 0xa0,
  publicKey: 0xa1,
} as const;

const curves = { 'P-256': p256, 'P-384': p384 } as const;
const lattices = { 'ML-DSA-44': ml_dsa44, 'ML-DSA-65': ml_dsa65, 'ML-DSA-87': ml_dsa87 } as const;

/** 1.2.840.10045.2.1; the curve stands beside it. */
const ecPublicKey = '2a8648ce3d0201';
const identifiers: Readonly<Record<KeyKind, string>> = {
  'P-256': '2a8648ce3d030107',
  'P-384': '2b81040022',
  Ed25519: '2b6570',
  'ML-DSA-44': '608648016503040311',
  'ML-DSA-65': '608648016503040312',
  'ML-DSA-87': '608648016503040313',
};

/** Undefined where the key is of a kind that is not spoken here. @throws where it is no key. */
export function readKeyDer(label: KeyLabel, der: Uint8Array): KeyNumbers | undefined {
  const outer = reading(der);
  const key = outer.inside(tags.sequence);
  outer.finish();
  if (label === 'EC PRIVATE KEY') return readEcPrivate(key, undefined);
  if (label === 'PUBLIC KEY') {
    const kind = readAlgorithm(key);
    const bits = key.value(tags.bitString);
    key.finish();
    if (bits[0] !== 0) throw new RangeError('expected whole bytes, found bits');
    return kind === undefined ? undefined : publicNumbers(kind, bits.slice(1));
  }
  key.value(tags.integer);
  const kind = readAlgorithm(key);
  const inner = key.value(tags.octetString);
  if (kind === undefined) return undefined;
  const numbers = readPrivate(kind, inner);
  // RFC 5958 §2: attributes and the public key may follow; the private key says what they are.
  return numbers;
}

export function writeKeyDer({ kind, x, y, d }: KeyNumbers): Uint8Array {
  if (kind === 'HSS-LMS') throw new TypeError('expected a key with a form in DER, found a hash-based one');
  const bytes = isCurve(kind) ? pointOf({ x, ...(y === undefined ? {} : { y }) }) : x;
  const algorithm = element(
    tags.sequence,
    ...(isCurve(kind) ? [element(tags.oid, unhexed(ecPublicKey))] : []),
    element(tags.oid, unhexed(identifiers[kind])),
  );
  if (d === undefined) return element(tags.sequence, algorithm, bitString(bytes));
  const inner = isCurve(kind)
    ? element(
        tags.sequence,
        element(tags.integer, Uint8Array.of(1)),
        element(tags.octetString, d),
        element(tags.publicKey, bitString(bytes)),
      )
    : isLattice(kind)
      ? element(
          tags.sequence,
          element(tags.octetString, d),
          element(tags.octetString, lattices[kind].keygen(d).secretKey),
        )
      : element(tags.octetString, d);
  return element(
    tags.sequence,
    element(tags.integer, Uint8Array.of(0)),
    algorithm,
    element(tags.octetString, inner),
  );
}

const isCurve = (kind: KeyKind): kind is keyof typeof curves => kind in curves;
const isLattice = (kind: KeyKind): kind is keyof typeof lattices => kind in lattices;

function readAlgorithm(key: Reading): KeyKind | undefined {
  const algorithm = key.inside(tags.sequence);
  const name = hex(algorithm.value(tags.oid));
  return kindNamed(name === ecPublicKey ? hex(algorithm.value(tags.oid)) : name);
}

const kindNamed = (name: string): KeyKind | undefined =>
  (Object.keys(identifiers) as KeyKind[]).find((kind) => identifiers[kind] === name);

function publicNumbers(kind: KeyKind, bytes: Uint8Array): KeyNumbers {
  if (!isCurve(kind)) {
    signers[kind].check(bytes, undefined);
    return { kind, x: bytes };
  }
  const point = curves[kind].Point.fromBytes(bytes).toBytes(false);
  const half = (point.length - 1) / 2;
  return { kind, x: point.slice(1, 1 + half), y: point.slice(1 + half) };
}

function readPrivate(kind: KeyKind, inner: Uint8Array): KeyNumbers | undefined {
  const reader = reading(inner);
  if (isCurve(kind)) return readEcPrivate(reader.inside(tags.sequence), kind);
  if (!isLattice(kind)) return privateNumbers(kind, reader.value(tags.octetString));
  // RFC 9881 §6: a seed, or both; the expanded key alone has no form in COSE.
  if (reader.peek() === tags.seed) return privateNumbers(kind, reader.value(tags.seed));
  const both = reader.inside(tags.sequence);
  const d = both.value(tags.octetString);
  const expanded = both.value(tags.octetString);
  const numbers = privateNumbers(kind, d);
  if (compareBytes(expanded, lattices[kind].keygen(d).secretKey) !== 0) {
    throw new RangeError('expected the key that the seed makes, found another');
  }
  return numbers;
}

function readEcPrivate(key: Reading, known: KeyKind | undefined): KeyNumbers | undefined {
  key.value(tags.integer);
  const d = key.value(tags.octetString);
  const named = key.peek() === tags.parameters ? hex(key.inside(tags.parameters).value(tags.oid)) : undefined;
  const kind = known ?? kindNamed(named ?? '');
  return kind === undefined ? undefined : privateNumbers(kind, d);
}

function privateNumbers(kind: KeyKind, d: Uint8Array): KeyNumbers {
  const { privateBytes } = keyKinds[kind];
  if (d.length !== privateBytes) {
    throw new RangeError(`expected a private key of ${privateBytes} bytes, found ${d.length}`);
  }
  return { kind, ...signers[kind].publicOf(d), d: d.slice() };
}

interface Reading {
  peek(): number | undefined;
  value(tag: number): Uint8Array;
  inside(tag: number): Reading;
  finish(): void;
}

function reading(bytes: Uint8Array): Reading {
  let at = 0;
  const value = (tag: number): Uint8Array => {
    const found = bytes[at];
    if (found !== tag) throw new RangeError(`expected tag ${tag} in DER, found ${found ?? 'the end'}`);
    const first = bytes[at + 1] ?? 0;
    // X.690 §10.1: the shortest form; no key has more than two bytes of length.
    const size = first < 0x80 ? 0 : first - 0x80;
    const length = size === 0 ? first : size === 1 ? bytes[at + 2]! : bytes[at + 2]! * 256 + bytes[at + 3]!;
    const start = at + 2 + size;
    const isShortest = size === 0 || (size === 1 && length >= 0x80) || (size === 2 && length >= 0x100);
    if (!isShortest || !(start + length <= bytes.length)) {
      throw new RangeError('expected a length within the key in DER, found another');
    }
    at = start + length;
    return bytes.subarray(start, at);
  };
  return {
    peek: () => bytes[at],
    value,
    inside: (tag) => reading(value(tag)),
    finish() {
      if (at !== bytes.length) throw new RangeError('expected the end of the key, found more');
    },
  };
}

const bitString = (bytes: Uint8Array) => element(tags.bitString, Uint8Array.of(0), bytes);

function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(...parts);
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return joined(Uint8Array.of(tag, ...head), content);
}

const unhexed = (text: string) => unhex(text) ?? new Uint8Array();
