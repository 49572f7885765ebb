/**
 * COSE_recipient (RFC 9052 §5.1, RFC 9053 §6): the content key, wrapped for one device. Either the wrapping
 * key is shared, or it is derived from an ephemeral key and the device's own, bound to SUIT by the context of
 * draft-ietf-suit-firmware-encryption §6.2.4.
 */

import type { Infer, Schema } from '@lapel/cbor';
import {
  CborError,
  Writer,
  bstr,
  bytes,
  int,
  map,
  nil,
  optional,
  raw,
  read,
  required,
  tuple,
  uint,
  write,
} from '@lapel/cbor';
import type { AgreementAlgorithm, WrapAlgorithm } from './algorithms.ts';
import {
  agreementAlgorithmByCode,
  agreementAlgorithms,
  wrapAlgorithmByCode,
  wrapAlgorithms,
} from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import type { NativeKey } from './crypto.ts';
import { agree, equalInConstantTime, unwrapKey, wrapKey } from './crypto.ts';
import type { RecipientKey, RecipientPublicKey, WrappingKey } from './encryption-key.ts';
import { recipientKey, wrapOf } from './encryption-key.ts';
import { kid, readCose } from './headers.ts';
import { decodeVerificationKey, encodeVerificationKey, generateSigningKey } from './key.ts';

const saltBytesMax = 64;
/** Recipients of other kinds may stand beside those that are understood, and have more or nothing here. */
const valueBytesMax = 2048;
/** A wrapped key is eight bytes longer than the key in it. */
const wrappedBytes: readonly number[] = [24, 32, 40];
const membersMax = 8;

const Protected = map({ algorithm: required(1, int) });
const Unprotected = anyOrder(
  map({
    algorithm: optional(1, int),
    kid: optional(4, kid),
    ephemeral: optional(-1, raw),
    salt: optional(-20, bytes(1, saltBytesMax)),
  }),
);

export const Recipient = tuple(bstr, Unprotected, bytes(0, valueBytesMax));
export type Recipient = Infer<typeof Recipient>;

/** COSE_KDF_Context (RFC 9053 §5.2): neither party says more of itself than its key does. */
const party = tuple(nil, nil, nil);
const KdfContext = tuple(int, party, party, tuple(uint, bstr, bstr));
const nobody = [null, null, null] as const;
const protocol = new TextEncoder().encode('SUIT Payload Encryption');
const nothing = new Uint8Array();

/** Wraps the content key for a device. */
export function wrapFor(recipient: WrappingKey | RecipientPublicKey, contentKey: Uint8Array): Recipient {
  if (recipient.use === 'wrap') {
    const { secret, kid } = recipient;
    const algorithm = wrapAlgorithms[wrapOf(secret.length)].code;
    // RFC 9053 §6.2.1: a key wrap takes no further data, so there is nothing to protect.
    return [nothing, { algorithm, ...(kid === undefined ? {} : { kid }) }, wrapKey(secret, contentKey)];
  }
  const pair = generateSigningKey('P-256');
  const own = recipientKey(pair);
  const header = write(Protected, { algorithm: agreementAlgorithms[recipient.algorithm].code });
  const secret = agreedKey(recipient.algorithm, header, nothing, own.native, recipient.native);
  const ephemeral = encodeVerificationKey(pair.public);
  return [header, { kid: recipient.kid, ephemeral }, wrapKey(secret, contentKey)];
}

/** What came of one recipient: its content key, or how many keys were tried on it in vain. */
export interface Unwrapped {
  readonly contentKey?: Uint8Array;
  readonly tried: number;
  /** Whether its algorithm is one that is spoken here. */
  readonly isUnderstood: boolean;
}

/** Tries the keys that this recipient may mean. @throws {CoseError} where it is not what it says. */
export function unwrapWith(
  [header, unprotected, value]: Recipient,
  keys: readonly (WrappingKey | RecipientKey)[],
): Unwrapped {
  const named = keys.filter((key) => isNamed(key, unprotected.kid));
  const code = algorithmIn(header, unprotected.algorithm);
  const agreement = agreementAlgorithmByCode(code);
  const wrap = wrapAlgorithmByCode(code);
  const secrets =
    agreement === undefined
      ? sharedSecrets(named, wrap)
      : agreedSecrets(named, agreement, header, unprotected);
  const isUnderstood = agreement !== undefined || wrap !== undefined;
  for (const [index, secret] of secrets.entries()) {
    const contentKey = wrappedBytes.includes(value.length) ? unwrapKey(secret, value) : undefined;
    if (contentKey !== undefined) return { contentKey, tried: index + 1, isUnderstood };
  }
  return { tried: secrets.length, isUnderstood };
}

const sharedSecrets = (keys: readonly (WrappingKey | RecipientKey)[], wrap: WrapAlgorithm | undefined) =>
  keys.flatMap((key) => (key.use === 'wrap' && wrapOf(key.secret.length) === wrap ? [key.secret] : []));

function agreedSecrets(
  keys: readonly (WrappingKey | RecipientKey)[],
  algorithm: AgreementAlgorithm,
  header: Uint8Array,
  { ephemeral, salt = nothing }: Infer<typeof Unprotected>,
): readonly Uint8Array[] {
  const own = keys.filter((key) => key.use === 'recover');
  if (own.length === 0) return [];
  const other = ephemeralKey(ephemeral);
  return own.map(({ native }) => agreedKey(algorithm, header, salt, native, other));
}

/** A key agreement names its algorithm under protection, which its context covers; a key wrap has none. */
function algorithmIn(header: Uint8Array, unprotected: number | undefined): number {
  if (unprotected === undefined) return readCose(Protected, header, 'protected header').algorithm;
  const isEmpty = header.length === 0 || (header.length === 1 && header[0] === 0xa0);
  if (isEmpty) return unprotected;
  throw new CoseError('malformed', 'expected one algorithm in a recipient, found two headers with one');
}

function agreedKey(
  name: AgreementAlgorithm,
  header: Uint8Array,
  salt: Uint8Array,
  own: NativeKey,
  other: NativeKey,
): Uint8Array {
  const { code, keyBytes } = wrapAlgorithms[agreementAlgorithms[name].wrap];
  const context = write(KdfContext, [code, nobody, nobody, [keyBytes * 8, header, protocol]]);
  return agree(own, other, { salt, context, length: keyBytes });
}

/** @throws {CoseError} where the ephemeral key is missing, or no public one on P-256. */
function ephemeralKey(encoded: Uint8Array | undefined): NativeKey {
  if (encoded === undefined) throw new CoseError('malformed', 'expected an ephemeral key, found none');
  const key = decodeVerificationKey(encoded);
  if (key.kind === 'P-256') return key.native;
  throw new CoseError('algorithm', `expected an ephemeral key on P-256, found one of ${key.kind}`);
}

/** Where one of the two has no name, only a try tells. */
const isNamed = (key: WrappingKey | RecipientKey, kid: Uint8Array | undefined): boolean =>
  kid === undefined || key.kid === undefined || equalInConstantTime(key.kid, kid);

/**
 * A map whose keys may stand in any order, each once: the draft's own examples have the ephemeral key before
 * the key identifier. It is written in the one order.
 */
function anyOrder<T>(ordered: Schema<T>): Schema<T> {
  return {
    read(r) {
      const start = r.at;
      const count = r.map();
      if (count > membersMax) {
        throw new CborError(`expected at most ${membersMax} header parameters, found ${count}`, start);
      }
      const pairs = Array.from({ length: count }, () => [r.slice(), r.slice()] as const);
      const sorted = new Writer();
      sorted.sortedMap(pairs);
      return read(ordered, sorted.finish());
    },
    write: (w, value) => ordered.write(w, value),
  };
}
