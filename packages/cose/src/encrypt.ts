/**
 * COSE_Encrypt with a detached ciphertext: the SUIT_Encryption_Info of draft-ietf-suit-firmware-encryption.
 * One content key encrypts the payload once, and is wrapped for each device. Payloads go through in pieces of
 * any size; no more than a tag is ever kept back.
 */

import { array, bstr, nil, tagged, tuple, write } from '@lapel/cbor';
import type { ContentAlgorithm } from './algorithms.ts';
import { contentAlgorithms } from './algorithms.ts';
import type { RunningContent } from './content.ts';
import {
  ContentUnprotected,
  contentHeader,
  decryptContent,
  encryptContent,
  readContentHeader,
} from './content.ts';
import { CoseError } from './cose-error.ts';
import { randomBytes } from './crypto.ts';
import type { RecipientKey, RecipientPublicKey, WrappingKey } from './encryption-key.ts';
import { readCose } from './headers.ts';
import { Recipient, unwrapWith, wrapFor } from './recipient.ts';

export const encryptTag = 96;

const recipientsMax = 65_535;
/** A recipient that names no key costs a try of each key, as does each for a key without a name: so many. */
const triesMax = 64;

const Encrypt = tagged(
  encryptTag,
  tuple(bstr, ContentUnprotected, nil, array(Recipient, { min: 1, max: recipientsMax })),
);

/** A payload on its way into its ciphertext, and what its recipients need to come back from there. */
export interface Encryption extends RunningContent {
  readonly info: Uint8Array;
}

/** A payload on its way back. */
export interface Decryption extends RunningContent {
  readonly algorithm: ContentAlgorithm;
}

/** Encrypts one payload for these devices, under a content key of its own that nobody else learns. */
export function encryptFor(
  recipients: readonly (WrappingKey | RecipientPublicKey)[],
  algorithm: ContentAlgorithm,
): Encryption {
  const contentKey = randomBytes(contentAlgorithms[algorithm].keyBytes);
  const header = contentHeader(algorithm);
  const wrapped = recipients.map((recipient) => wrapFor(recipient, contentKey));
  const info = write(Encrypt, [header.body, header.unprotected, null, wrapped]);
  return { info, ...encryptContent('Encrypt', algorithm, header, contentKey) };
}

/**
 * Decrypts a payload with whichever of these keys it is meant for. Every other holder of the content key
 * could have made the ciphertext: whoever must know its author checks the digests of the manifest.
 * @throws {CoseError} where none of the keys opens it.
 */
export function decryptWith(info: Uint8Array, keys: readonly (WrappingKey | RecipientKey)[]): Decryption {
  const [body, unprotected, , recipients] = readCose(Encrypt, info, 'COSE_Encrypt');
  const header = { body, unprotected };
  const algorithm = readContentHeader(header);
  const contentKey = openRecipients(recipients, keys);
  return { algorithm, ...decryptContent('Encrypt', algorithm, header, contentKey) };
}

/** What the content is encrypted with: that is no secret. @throws {CoseError} where it is not understood. */
export function encryptedWith(info: Uint8Array): ContentAlgorithm {
  const [body, unprotected] = readCose(Encrypt, info, 'COSE_Encrypt');
  return readContentHeader({ body, unprotected });
}

function openRecipients(
  recipients: readonly Recipient[],
  keys: readonly (WrappingKey | RecipientKey)[],
): Uint8Array {
  let tries = 0;
  let isUnderstood = false;
  for (const recipient of recipients) {
    const found = unwrapWith(recipient, keys);
    if (found.contentKey !== undefined) return found.contentKey;
    tries += found.tried;
    isUnderstood ||= found.isUnderstood;
    if (tries > triesMax) break;
  }
  if (tries > 0) {
    throw new CoseError('signature', 'expected a content key that these keys unwrap, found another');
  }
  if (isUnderstood) throw new CoseError('untrusted', 'expected a recipient that is known here, found none');
  throw new CoseError('algorithm', 'expected AES key wrap or ECDH-ES with it, found other recipients');
}
