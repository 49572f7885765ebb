/** COSE_Key (RFC 9052 §7, RFC 9053 §7) and the keys that sign, verify and authenticate. */

import type { Infer } from '@lapel/cbor';
import {
  CborError,
  bstr,
  bytes,
  either,
  int,
  major,
  map,
  optional,
  read,
  required,
  write,
} from '@lapel/cbor';
import type { Curve } from './algorithms.ts';
import { macAlgorithms, signatureAlgorithmByCode, signatureAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import type { KeyNumbers, NativeKey } from './crypto.ts';
import { digest, exportKey, generate, importKey, readPem, sign, verify, writePem } from './crypto.ts';

/** Who verifies with it: one public key. Its `kid` is its thumbprint (RFC 9679, SHA-256). */
export interface VerificationKey {
  readonly use: 'verify';
  readonly curve: Curve;
  readonly kid: Uint8Array;
  readonly native: NativeKey;
}

/** Who signs with it. `public` is its other half. */
export interface SigningKey {
  readonly use: 'sign';
  readonly curve: Curve;
  readonly kid: Uint8Array;
  readonly native: NativeKey;
  readonly public: VerificationKey;
}

/** A secret that two sides share, for HMAC 256/256. */
export interface MacKey {
  readonly use: 'mac';
  readonly kid?: Uint8Array;
  readonly secret: Uint8Array;
}

const coordinateBytes = 32;

const CoseKey = map({
  kty: required(1, int),
  kid: optional(2, bstr),
  algorithm: optional(3, int),
  curveOrSecret: required(
    -1,
    either<number, Uint8Array>(
      (r) => r.peek() !== major.bstr,
      int,
      bstr,
      (value) => typeof value === 'number',
    ),
  ),
  x: optional(-2, bytes(coordinateBytes)),
  y: optional(-3, bytes(coordinateBytes)),
  d: optional(-4, bytes(coordinateBytes)),
});
type CoseKey = Infer<typeof CoseKey>;

const kty = { okp: 1, ec2: 2, symmetric: 4 } as const;
const crv = { 'P-256': 1, Ed25519: 6 } as const;

export function generateSigningKey(curve: Curve): SigningKey {
  return signingKey(generate(curve));
}

/** @throws {CoseError} where the bytes are no COSE_Key for a signature that Lapel speaks. */
export function decodeVerificationKey(encoded: Uint8Array): VerificationKey {
  const { d: _, ...numbers } = numbersOf(decodeKey(encoded));
  return verificationKey(imported(numbers));
}

/** @throws {CoseError} where the bytes are no private COSE_Key. */
export function decodeSigningKey(encoded: Uint8Array): SigningKey {
  const { d, ...numbers } = numbersOf(decodeKey(encoded));
  if (d === undefined) throw new CoseError('malformed', 'expected a private key, found a public one');
  const key = signingKey(imported({ ...numbers, d }));
  // Nothing in the encoding ties the halves to each other; only a signature shows that they are one key's.
  if (!verify(key.curve, imported(numbers), key.kid, sign(key.curve, key.native, key.kid))) {
    throw new CoseError('malformed', 'expected a private key with its own public one, found another');
  }
  return key;
}

/**
 * The deterministic COSE_Key with its required members only: what a thumbprint is taken over (RFC 9679 §3).
 */
export function encodeVerificationKey(key: VerificationKey): Uint8Array {
  return write(CoseKey, coseKeyOf(numbersIn(key.native)));
}

export function encodeSigningKey(key: SigningKey): Uint8Array {
  const numbers = numbersIn(key.native);
  return write(CoseKey, { ...coseKeyOf(numbers), ...(numbers.d === undefined ? {} : { d: numbers.d }) });
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

/** @throws {CoseError} where the text is no key in PEM, or on a curve that is not spoken here. */
export function readKeyPem(pem: string, passphrase?: string): SigningKey | VerificationKey {
  let native: NativeKey;
  try {
    native = readPem(pem, passphrase);
  } catch (error) {
    throw new CoseError('malformed', 'expected a key in PEM, found another text', { cause: error });
  }
  return native.type === 'private' ? signingKey(native) : verificationKey(native);
}

export const keyToPem = (key: SigningKey | VerificationKey): string => writePem(key.native);

function verificationKey(native: NativeKey): VerificationKey {
  const numbers = numbersIn(native);
  const kid = digest('sha-256', write(CoseKey, coseKeyOf(numbers)));
  return { use: 'verify', curve: numbers.curve, kid, native };
}

function signingKey(native: NativeKey): SigningKey {
  const { curve, x, y } = numbersIn(native);
  const other = verificationKey(importKey({ curve, x, ...(y === undefined ? {} : { y }) }));
  return { use: 'sign', curve, kid: other.kid, native, public: other };
}

function coseKeyOf({ curve, x, y }: KeyNumbers): CoseKey {
  return {
    kty: curve === 'Ed25519' ? kty.okp : kty.ec2,
    curveOrSecret: crv[curve],
    x,
    ...(y === undefined ? {} : { y }),
  };
}

function decodeKey(encoded: Uint8Array): CoseKey {
  try {
    return read(CoseKey, encoded);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new CoseError('malformed', `COSE_Key: ${error.message}`, { cause: error });
  }
}

function numbersOf({ kty: type, algorithm, curveOrSecret, x, y, d }: CoseKey): KeyNumbers {
  const curve = type === kty.ec2 && curveOrSecret === crv['P-256'] ? 'P-256' : undefined;
  const edwards = type === kty.okp && curveOrSecret === crv.Ed25519 ? 'Ed25519' : undefined;
  const found = curve ?? edwards;
  if (found === undefined || x === undefined || (found === 'P-256') !== (y !== undefined)) {
    throw new CoseError('algorithm', 'expected a key on P-256 or Ed25519, found another');
  }
  // RFC 9052 §7.1: a key that names its algorithm is for that one only.
  const named = algorithm === undefined ? undefined : signatureAlgorithmByCode(algorithm);
  if (algorithm !== undefined && (named === undefined || signatureAlgorithms[named].curve !== found)) {
    throw new CoseError('algorithm', `expected an algorithm of ${found} in the key, found ${algorithm}`);
  }
  return { curve: found, x, ...(y === undefined ? {} : { y }), ...(d === undefined ? {} : { d }) };
}

function imported(numbers: KeyNumbers): NativeKey {
  try {
    return importKey(numbers);
  } catch (error) {
    throw new CoseError('malformed', `expected a point on ${numbers.curve}, found other numbers`, {
      cause: error,
    });
  }
}

function numbersIn(native: NativeKey): KeyNumbers {
  const numbers = exportKey(native);
  if (numbers === undefined) {
    throw new CoseError('algorithm', 'expected a key on P-256 or Ed25519, found another kind');
  }
  return numbers;
}
