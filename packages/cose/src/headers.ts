/**
 * RFC 9052 §3: the header parameters that Lapel reads. Few, on purpose: what is in no table is refused, so
 * that no bit of an unprotected header can be changed unnoticed.
 */

import type { Infer, Schema } from '@lapel/cbor';
import {
  CborError,
  array,
  bstr,
  bytes,
  either,
  int,
  major,
  map,
  optional,
  read,
  required,
  text,
  tuple,
  uint,
  write,
} from '@lapel/cbor';
import { CoseError } from './cose-error.ts';

const kidBytesMax = 64;
const contentTypeMax = 128;

export const kid = bytes(1, kidBytesMax);
const contentType = either<number, string>(
  (r) => r.peek() !== major.tstr,
  uint,
  text(contentTypeMax),
  (value) => typeof value === 'number',
);

const Protected = map({
  algorithm: required(1, int),
  critical: optional(2, array(int, { min: 1, max: 8 })),
  contentType: optional(3, contentType),
  kid: optional(4, kid),
});

export const Unprotected = map({ kid: optional(4, kid) });
export type Unprotected = Infer<typeof Unprotected>;

/** The body of a COSE_Sign: algorithm and key are each signer's own. */
const ProtectedBody = map({
  critical: optional(2, array(int, { min: 1, max: 8 })),
  contentType: optional(3, contentType),
});
/** Nothing may stand here, where no signature would cover it and no verifier act on it. */
export const UnprotectedBody = map({});

export interface Headers {
  readonly algorithm: number;
  readonly kid?: Uint8Array;
}

/** Writes a protected header; `contentType` is a media type, or the number of a CoAP Content-Format. */
export const protectedHeader = (algorithm: number, type?: string | number): Uint8Array =>
  write(Protected, { algorithm, ...(type === undefined ? {} : { contentType: type }) });

/**
 * @throws {CoseError} where the headers don't name one algorithm under protection, or demand what nobody
 * here knows.
 */
export function readHeaders(protectedBytes: Uint8Array, unprotected: Unprotected): Headers {
  const found = readCose(Protected, protectedBytes, 'protected header');
  requireUnderstood(found);
  if (found.kid !== undefined && unprotected.kid !== undefined) {
    throw new CoseError('malformed', 'expected one key identifier, found two');
  }
  const named = found.kid ?? unprotected.kid;
  return { algorithm: found.algorithm, ...(named === undefined ? {} : { kid: named }) };
}

/** Checks the protected header of a COSE_Sign's body. @throws {CoseError} */
export function requireBody(protectedBytes: Uint8Array): void {
  if (protectedBytes.length > 0)
    requireUnderstood(readCose(ProtectedBody, protectedBytes, 'protected header'));
}

/** §3.1: a label in `crit` is one that a verifier here acts on, and stands in the same header. */
function requireUnderstood(found: Partial<Infer<typeof Protected>>): void {
  const present: Readonly<Record<number, unknown>> = {
    1: found.algorithm,
    3: found.contentType,
    4: found.kid,
  };
  const unknown = found.critical?.find((label) => present[label] === undefined);
  if (unknown !== undefined) {
    throw new CoseError('malformed', `expected critical headers that are understood, found label ${unknown}`);
  }
}

/** Reads COSE and speaks of what it was reading. @throws {CoseError} */
export function readCose<T>(schema: Schema<T>, encoded: Uint8Array, what: string): T {
  try {
    return read(schema, encoded);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new CoseError('malformed', `${what}: ${error.message}`, { cause: error });
  }
}

/** Enc_structure (§5.3): what an authenticated cipher covers beside the content. */
const EncStructure = tuple(text(16), bstr, bstr);

export const additionalData = (context: 'Encrypt' | 'Encrypt0', body: Uint8Array): Uint8Array =>
  write(EncStructure, [context, body, nothing]);

/** Sig_structure and MAC_structure (§4.4, §6.3), whose external_aad is empty here. */
const Structure3 = tuple(text(16), bstr, bstr, bstr);
const Structure4 = tuple(text(16), bstr, bstr, bstr, bstr);
const nothing = new Uint8Array();

export type StructureContext = 'Signature1' | 'Signature' | 'MAC0';

/** The bytes that are signed or authenticated; `signer` is a COSE_Signature's own protected header. */
export function toBeAuthenticated(
  context: StructureContext,
  body: Uint8Array,
  payload: Uint8Array,
  signer?: Uint8Array,
): Uint8Array {
  if (signer === undefined) return write(Structure3, [context, body, nothing, payload]);
  return write(Structure4, [context, body, signer, nothing, payload]);
}
