/**
 * COSE_Sign1 and COSE_Sign (RFC 9052 §4): detached as SUIT demands for manifests, attached as it demands
 * for reports.
 */

import type { Schema } from '@lapel/cbor';
import { array, bstr, bytes, nil, tagged, tuple, write } from '@lapel/cbor';
import type { SignatureRow } from './algorithms.ts';
import { algorithmOf, signatureAlgorithmByCode, signatureAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import { equalInConstantTime } from './crypto.ts';
import type { Headers } from './headers.ts';
import {
  Unprotected,
  UnprotectedBody,
  protectedHeader,
  readCose,
  readHeaders,
  requireBody,
  toBeAuthenticated,
} from './headers.ts';
import type { SigningKey, VerificationKey } from './key.ts';
import { isSignatureOf } from './key.ts';

export const sign1Tag = 18;
export const signTag = 98;

/** HSS of eight levels with W1 and H25 (RFC 8554): the longest that is spoken here. */
const signatureBytesMax = 74_988;
const signersMax = 8;
const signature = bytes(1, signatureBytesMax);

const sign1Of = <P>(payload: Schema<P>) => tagged(sign1Tag, tuple(bstr, Unprotected, payload, signature));
const DetachedSign1 = sign1Of(nil);
const AttachedSign1 = sign1Of(bstr);
const Signature = tuple(bstr, Unprotected, signature);
const DetachedSign = tagged(
  signTag,
  tuple(bstr, UnprotectedBody, nil, array(Signature, { min: 1, max: signersMax })),
);

/** A COSE_Sign1 whose payload travels elsewhere. */
export function signDetached(key: SigningKey, payload: Uint8Array): Uint8Array {
  const header = protectedHeader(labelOf(key));
  return write(DetachedSign1, [header, {}, null, signature1(key, header, payload)]);
}

/** A COSE_Sign1 that carries its payload and names its key. @param contentType what the payload is. */
export function signAttached(
  key: SigningKey,
  payload: Uint8Array,
  contentType?: string | number,
): Uint8Array {
  const header = protectedHeader(labelOf(key), contentType);
  return write(AttachedSign1, [header, { kid: key.kid }, payload, signature1(key, header, payload)]);
}

/**
 * Which of `keys` signed `payload` in this detached COSE_Sign1.
 * @throws {CoseError} where none did.
 */
export function verifySign1(
  encoded: Uint8Array,
  payload: Uint8Array,
  keys: readonly VerificationKey[],
): VerificationKey {
  const [header, unprotected, , value] = readCose(DetachedSign1, encoded, 'COSE_Sign1');
  const structure = toBeAuthenticated('Signature1', header, payload);
  return signer(readHeaders(header, unprotected), structure, value, keys);
}

/** As `verifySign1`, for a COSE_Sign: any one signature of a trusted key is enough (manifest-37 §8.3). */
export function verifySign(
  encoded: Uint8Array,
  payload: Uint8Array,
  keys: readonly VerificationKey[],
): VerificationKey {
  const [body, , , signatures] = readCose(DetachedSign, encoded, 'COSE_Sign');
  requireBody(body);
  let refusal: unknown;
  for (const [header, unprotected, value] of signatures) {
    try {
      const structure = toBeAuthenticated('Signature', body, payload, header);
      return signer(readHeaders(header, unprotected), structure, value, keys);
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The payload of an attached COSE_Sign1 and the key that vouches for it. @throws {CoseError} */
export function openSigned(
  encoded: Uint8Array,
  keys: readonly VerificationKey[],
): { readonly payload: Uint8Array; readonly key: VerificationKey } {
  const [header, unprotected, payload, value] = readCose(AttachedSign1, encoded, 'COSE_Sign1');
  const structure = toBeAuthenticated('Signature1', header, payload);
  return { payload, key: signer(readHeaders(header, unprotected), structure, value, keys) };
}

/**
 * The key identifier that an attached COSE_Sign1 claims, and its payload: for looking up the key; nothing
 * is proved.
 */
export function peekSigned(encoded: Uint8Array): { readonly payload: Uint8Array; readonly kid?: Uint8Array } {
  const [header, unprotected, payload] = readCose(AttachedSign1, encoded, 'COSE_Sign1');
  const { kid } = readHeaders(header, unprotected);
  return { payload, ...(kid === undefined ? {} : { kid }) };
}

const labelOf = ({ kind }: SigningKey): number => signatureAlgorithms[algorithmOf(kind)].code;

const signature1 = (key: SigningKey, header: Uint8Array, payload: Uint8Array): Uint8Array =>
  key.sign(toBeAuthenticated('Signature1', header, payload));

function signer(
  { algorithm, kid }: Headers,
  structure: Uint8Array,
  value: Uint8Array,
  keys: readonly VerificationKey[],
): VerificationKey {
  const name = signatureAlgorithmByCode(algorithm);
  if (name === undefined) {
    throw new CoseError(
      'algorithm',
      `expected a signature algorithm that is spoken here, found ${algorithm}`,
    );
  }
  const { kind, signatureBytes }: SignatureRow = signatureAlgorithms[name];
  if (signatureBytes !== undefined && value.length !== signatureBytes) {
    throw new CoseError(
      'signature',
      `expected a signature of ${signatureBytes} bytes, found ${value.length}`,
    );
  }
  // The label must fit the key's own kind (RFC 9052 §8): a key is never used with another algorithm than
  // its own.
  const fitting = keys.filter((key) => key.kind === kind && isNamed(key, kid));
  if (fitting.length === 0)
    throw new CoseError('untrusted', `expected a trusted key for ${name}, found none`);
  const key = fitting.find((each) => isSignatureOf(each, structure, value));
  if (key === undefined)
    throw new CoseError('signature', `expected a signature of a trusted key, found another`);
  return key;
}

/** A key identifier is a hint; where it is given, a key with another one is not tried. */
const isNamed = (key: VerificationKey, kid: Uint8Array | undefined): boolean =>
  kid === undefined || equalInConstantTime(key.kid, kid);
