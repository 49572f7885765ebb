/**
 * COSE_Encrypt0 (RFC 9052 §5.2) with its ciphertext attached: a short content under a key that both sides
 * hold, such as a report on its way to its verifier. Who made it is not proved by it, but by what is signed
 * around it.
 */

import { bstr, major, tagged, tuple, write } from '@lapel/cbor';
import type { ContentAlgorithm } from './algorithms.ts';
import { contentAlgorithms } from './algorithms.ts';
import {
  ContentUnprotected,
  contentHeader,
  decryptContent,
  encryptContent,
  readContentHeader,
} from './content.ts';
import { CoseError } from './cose-error.ts';
import { equalInConstantTime } from './crypto.ts';
import { readCose } from './headers.ts';
import { joined } from './joined.ts';

export const encrypt0Tag = 16;

/** A content key that two sides share, and the one algorithm that it is for. */
export interface ContentKey {
  readonly use: 'encrypt';
  readonly algorithm: ContentAlgorithm;
  readonly kid?: Uint8Array;
  readonly secret: Uint8Array;
}

const Untagged = tuple(bstr, ContentUnprotected, bstr);
const WithTag = tagged(encrypt0Tag, Untagged);

/** @throws {CoseError} where the secret has another length than the algorithm's keys. */
export function contentKey(algorithm: ContentAlgorithm, secret: Uint8Array, kid?: Uint8Array): ContentKey {
  const { keyBytes } = contentAlgorithms[algorithm];
  if (secret.length !== keyBytes) {
    throw new CoseError('algorithm', `expected a secret of ${keyBytes} bytes, found ${secret.length}`);
  }
  return { use: 'encrypt', algorithm, secret, ...(kid === undefined ? {} : { kid }) };
}

/** The message without its tag, as suit-report has it. */
export function encrypt0({ algorithm, kid, secret }: ContentKey, plaintext: Uint8Array): Uint8Array {
  const header = contentHeader(algorithm, kid);
  const running = encryptContent('Encrypt0', algorithm, header, secret);
  const ciphertext = joined(running.update(plaintext), running.finish());
  return write(Untagged, [header.body, header.unprotected, ciphertext]);
}

/** The content, with whichever key it names. @throws {CoseError} where none of them opens it. */
export function decrypt0(encoded: Uint8Array, keys: readonly ContentKey[]): Uint8Array {
  // Reports carry it without its tag, other messages with it.
  const isTagged = (encoded[0] ?? 0) >>> 5 === major.tag;
  const [body, unprotected, ciphertext] = readCose(isTagged ? WithTag : Untagged, encoded, 'COSE_Encrypt0');
  const header = { body, unprotected };
  const algorithm = readContentHeader(header);
  const { kid } = unprotected;
  const fitting = keys.filter(
    (each) =>
      each.algorithm === algorithm &&
      (kid === undefined || (each.kid !== undefined && equalInConstantTime(each.kid, kid))),
  );
  let refusal = new CoseError('untrusted', `expected a key for ${algorithm}, found none`);
  for (const { secret } of fitting) {
    try {
      const running = decryptContent('Encrypt0', algorithm, header, secret);
      return joined(running.update(ciphertext), running.finish());
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}
