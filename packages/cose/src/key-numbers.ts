/** The numbers of a key, and as JWK (RFC 7518 §6, RFC 8037 §2), which the provider reads. */

import type { AnyKeyKind, KeyKind } from './algorithms.ts';
import { keyKinds } from './algorithms.ts';

/** The numbers of a key, as COSE_Key carries them (RFC 9053 §7): big-endian, of the curve's full length. */
export interface KeyNumbers {
  readonly kind: AnyKeyKind;
  /** A coordinate, or the whole public key where that is one string. */
  readonly x: Uint8Array;
  /** Of a point with two coordinates. */
  readonly y?: Uint8Array;
  /** Present in a private key; a seed on AKP. */
  readonly d?: Uint8Array;
}

/** What JWK calls the families of keys. */
const types = { EC2: 'EC', OKP: 'OKP', AKP: 'AKP' } as const;

export type Jwk = Readonly<Record<string, string>>;

export function jwkOf({ kind, x, y, d }: KeyNumbers & { readonly kind: KeyKind }): Jwk {
  const { family } = keyKinds[kind];
  const point = { crv: kind, x: text(x), ...(y === undefined ? {} : { y: text(y) }) };
  return {
    kty: types[family],
    ...(family === 'AKP' ? { alg: kind, pub: text(x) } : point),
    ...(d === undefined ? {} : { [family === 'AKP' ? 'priv' : 'd']: text(d) }),
  };
}

export function numbersOfJwk(kind: KeyKind, jwk: Readonly<Record<string, unknown>>): KeyNumbers | undefined {
  const isPair = keyKinds[kind].family === 'AKP';
  const x = jwk[isPair ? 'pub' : 'x'];
  const d = jwk[isPair ? 'priv' : 'd'];
  const { y } = jwk;
  if (typeof x !== 'string') return undefined;
  return {
    kind,
    x: bytes(x),
    ...(typeof y === 'string' ? { y: bytes(y) } : {}),
    ...(typeof d === 'string' ? { d: bytes(d) } : {}),
  };
}

const text = (numbers: Uint8Array): string => Buffer.from(numbers).toString('base64url');
const bytes = (base64url: string): Uint8Array => new Uint8Array(Buffer.from(base64url, 'base64url'));
