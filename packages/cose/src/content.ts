/**
 * The content layer of COSE_Encrypt and COSE_Encrypt0 (RFC 9052 §5.3; RFC 9459 for CTR): which algorithm,
 * where its header stands, and the content in pieces.
 */

import type { Infer } from '@lapel/cbor';
import { bytes, int, map, optional, required, write } from '@lapel/cbor';
import type { ContentAlgorithm } from './algorithms.ts';
import { contentAlgorithmByCode, contentAlgorithms } from './algorithms.ts';
import { CoseError } from './cose-error.ts';
import type { ContentSecret, RunningDecryption } from './crypto.ts';
import { createDecryption, createEncryption, randomBytes } from './crypto.ts';
import { additionalData, kid, readCose } from './headers.ts';
import { joined } from './joined.ts';

const Protected = map({ algorithm: required(1, int) });
export const ContentUnprotected = map({
  algorithm: optional(1, int),
  kid: optional(4, kid),
  iv: required(5, bytes(12, 16)),
});
export type ContentUnprotected = Infer<typeof ContentUnprotected>;

export interface ContentHeader {
  readonly body: Uint8Array;
  readonly unprotected: ContentUnprotected;
}

type Context = 'Encrypt' | 'Encrypt0';

/** A header for one content: its initial vector is never used again with any key. */
export function contentHeader(algorithm: ContentAlgorithm, kid?: Uint8Array): ContentHeader {
  const { code, ivBytes, tagBytes } = contentAlgorithms[algorithm];
  const rest = { iv: randomBytes(ivBytes), ...(kid === undefined ? {} : { kid }) };
  // RFC 9459 §4: what authenticates nothing protects nothing, and may not look as if it did.
  if (tagBytes === 0) return { body: new Uint8Array(), unprotected: { algorithm: code, ...rest } };
  return { body: write(Protected, { algorithm: code }), unprotected: rest };
}

/** @throws {CoseError} where the header names no algorithm that is spoken here, or not where it belongs. */
export function readContentHeader({ body, unprotected }: ContentHeader): ContentAlgorithm {
  const { algorithm, iv } = unprotected;
  const isProtected = body.length > 0;
  if (isProtected && algorithm !== undefined) {
    throw new CoseError('malformed', 'expected one algorithm for the content, found two');
  }
  const code = isProtected ? readCose(Protected, body, 'protected header').algorithm : algorithm;
  const name = code === undefined ? undefined : contentAlgorithmByCode(code);
  if (name === undefined) {
    throw new CoseError(
      'algorithm',
      `expected a content algorithm that is spoken here, found ${code ?? 'none'}`,
    );
  }
  const { ivBytes, tagBytes } = contentAlgorithms[name];
  if (tagBytes > 0 !== isProtected) {
    const place = tagBytes > 0 ? 'under protection' : 'without protection';
    throw new CoseError('malformed', `expected ${name} ${place}, found it elsewhere`);
  }
  if (iv.length !== ivBytes) {
    throw new CoseError('malformed', `expected an initial vector of ${ivBytes} bytes, found ${iv.length}`);
  }
  return name;
}

/** A content on its way through a cipher, in pieces of any size. */
export interface RunningContent {
  update(piece: Uint8Array): Uint8Array;
  /** What is left to come. */
  finish(): Uint8Array;
}

export const encryptContent = (
  context: Context,
  algorithm: ContentAlgorithm,
  header: ContentHeader,
  key: Uint8Array,
): RunningContent => createEncryption(secretOf(context, algorithm, header, key));

/**
 * The way back. Nothing that `update` gives is proved before `finish` has returned, and with CTR nothing is
 * then either. @throws {CoseError} where the key has another length than the algorithm's.
 */
export function decryptContent(
  context: Context,
  algorithm: ContentAlgorithm,
  header: ContentHeader,
  key: Uint8Array,
): RunningContent {
  const { keyBytes, tagBytes } = contentAlgorithms[algorithm];
  if (key.length !== keyBytes) {
    throw new CoseError('algorithm', `expected a content key of ${keyBytes} bytes, found ${key.length}`);
  }
  const decryption = createDecryption(secretOf(context, algorithm, header, key));
  if (tagBytes === 0) {
    return {
      update: (piece) => decryption.update(piece),
      finish: () => finished(decryption, new Uint8Array()),
    };
  }
  // The tag stands behind the ciphertext, so the last bytes that came may be it. One buffer, as large as the
  // largest piece, puts them before the next piece.
  let buffer: Uint8Array = new Uint8Array();
  let kept = 0;
  return {
    update(piece) {
      const length = kept + piece.length;
      if (length > buffer.length) buffer = joined(buffer.subarray(0, kept), new Uint8Array(piece.length));
      buffer.set(piece, kept);
      kept = Math.min(length, tagBytes);
      const plaintext = decryption.update(buffer.subarray(0, length - kept));
      buffer.copyWithin(0, length - kept, length);
      return plaintext;
    },
    finish: () => finished(decryption, buffer.subarray(0, kept)),
  };
}

function finished(decryption: RunningDecryption, tag: Uint8Array): Uint8Array {
  if (decryption.finish(tag)) return new Uint8Array();
  throw new CoseError('signature', 'expected the tag of this content, found another');
}

function secretOf(
  context: Context,
  algorithm: ContentAlgorithm,
  { body, unprotected }: ContentHeader,
  key: Uint8Array,
): ContentSecret {
  return { algorithm, key, iv: unprotected.iv, additional: additionalData(context, body) };
}
