/**
 * COSE_Key (RFC 9052 §7, RFC 9053 §7): the numbers of a key, as they travel and are kept. The private half of
 * an ML-DSA key is its seed (draft-ietf-cose-dilithium).
 */

import type { Infer } from '@lapel/cbor';
import { bstr, bytes, either, int, major, map, optional, required, write } from '@lapel/cbor';
import type { AnyKeyKind, KeyKind } from './algorithms.ts';
import { algorithmOf, keyKinds, signatureAlgorithmByCode, signatureAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import type { KeyNumbers } from './crypto.ts';
import { readCose } from './headers.ts';

/** The longest public key that is one string: ML-DSA-87's. */
const stringBytesMax = 2592;
const numberBytesMax = 48;

/**
 * What labels below zero mean depends on the type: -1 is a curve where there are curves, else the public key;
 * -2 is then the private one.
 */
const CoseKey = map({
  type: required(1, int),
  kid: optional(2, bstr),
  algorithm: optional(3, int),
  curveOrString: required(
    -1,
    either<number, Uint8Array>(
      (r) => r.peek() !== major.bstr,
      int,
      bytes(1, stringBytesMax),
      (value) => typeof value === 'number',
    ),
  ),
  second: optional(-2, bytes(1, numberBytesMax)),
  y: optional(-3, bytes(1, numberBytesMax)),
  d: optional(-4, bytes(1, numberBytesMax)),
});
type CoseKey = Infer<typeof CoseKey>;

const types = { OKP: 1, EC2: 2, 'HSS-LMS': 5, AKP: 7 } as const;
const curves: Partial<Record<AnyKeyKind, number>> = { 'P-256': 1, 'P-384': 2, Ed25519: 6 };
const kinds: readonly AnyKeyKind[] = [...(Object.keys(keyKinds) as KeyKind[]), 'HSS-LMS'];

/** @throws {CoseError} where the bytes are no COSE_Key for a signature that Lapel speaks. */
export function readCoseKey(encoded: Uint8Array): KeyNumbers {
  const key = readCose(CoseKey, encoded, 'COSE_Key');
  const kind = kindOf(key);
  const { x, y, d } = membersOf(kind, key);
  if (kind !== 'HSS-LMS') {
    const { publicBytes, privateBytes } = keyKinds[kind];
    requireLength(kind, publicBytes, x);
    if (y !== undefined) requireLength(kind, publicBytes, y);
    if (d !== undefined) requireLength(kind, privateBytes, d);
  }
  return { kind, x, ...(y === undefined ? {} : { y }), ...(d === undefined ? {} : { d }) };
}

/** The name that a key has for itself, if any. @throws {CoseError} where the bytes are no COSE_Key. */
export const kidOf = (encoded: Uint8Array): Uint8Array | undefined =>
  readCose(CoseKey, encoded, 'COSE_Key').kid;

/** The deterministic COSE_Key with no other member than those that its type requires (RFC 9679 §3). */
export function writeCoseKey({ kind, x, y, d }: KeyNumbers): Uint8Array {
  const family = familyOf(kind);
  const type = types[family];
  const secret = d === undefined ? {} : family === 'AKP' ? { second: d } : { d };
  if (family === 'HSS-LMS') return write(CoseKey, { type, curveOrString: x });
  if (family === 'AKP') {
    const { code } = signatureAlgorithms[algorithmOf(kind)];
    return write(CoseKey, { type, algorithm: code, curveOrString: x, ...secret });
  }
  const point = { curveOrString: curves[kind] ?? 0, second: x, ...(y === undefined ? {} : { y }) };
  return write(CoseKey, { type, ...point, ...secret });
}

/** AKP and RFC 8778 §4 have one string where the others have a curve and a point; HSS has no private half. */
function membersOf(kind: AnyKeyKind, { curveOrString, second, y, d }: CoseKey): Omit<KeyNumbers, 'kind'> {
  const family = familyOf(kind);
  const isString = family === 'AKP' || family === 'HSS-LMS';
  const x = isString ? curveOrString : second;
  if (!(x instanceof Uint8Array) || (family === 'EC2') !== (y !== undefined)) throw anotherKind();
  if ((isString && d !== undefined) || (family === 'HSS-LMS' && second !== undefined)) {
    throw new CoseError('malformed', `expected a key of ${kind} and no more, found another member`);
  }
  const secret = isString ? second : d;
  return { x, ...(y === undefined ? {} : { y }), ...(secret === undefined ? {} : { d: secret }) };
}

const familyOf = (kind: AnyKeyKind) => (kind === 'HSS-LMS' ? kind : keyKinds[kind].family);

function kindOf({ type, algorithm, curveOrString }: CoseKey): AnyKeyKind {
  const named = algorithm === undefined ? undefined : signatureAlgorithmByCode(algorithm);
  const own = named === undefined ? undefined : signatureAlgorithms[named].kind;
  const kind = kinds.find((each) => {
    if (types[familyOf(each)] !== type) return false;
    // Of AKP the algorithm is the kind; the others have a curve, or need none.
    return type === types.AKP ? each === own : each === 'HSS-LMS' || curves[each] === curveOrString;
  });
  if (kind === undefined) throw anotherKind();
  // RFC 9052 §7.1: a key that names its algorithm is for that one only.
  if (algorithm !== undefined && own !== kind) {
    throw new CoseError('algorithm', `expected an algorithm of ${kind} in the key, found ${algorithm}`);
  }
  return kind;
}

function requireLength(kind: AnyKeyKind, expected: number, { length }: Uint8Array): void {
  if (length === expected) return;
  throw new CoseError('malformed', `expected ${expected} bytes in a key of ${kind}, found ${length}`);
}

const anotherKind = () =>
  new CoseError('algorithm', `expected a key of ${kinds.join(', ')}, found another kind`);
