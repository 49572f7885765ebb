/**
 * A payload for those only who hold one of these keys (draft-ietf-suit-firmware-encryption-24): one
 * ciphertext for all of them, and for each the content key, wrapped.
 */

import type { ContentAlgorithm, Encryption, RecipientPublicKey, WrappingKey } from '@lapel/cose';
import {
  contentAlgorithms,
  decodeDecryptionKey,
  encryptFor,
  joined,
  readKeyPem,
  recipientPublicKey,
} from '@lapel/cose';
import type { Images } from './images.ts';
import { inFile, keyBytesMax } from './read-public-key.ts';

export interface EncryptionDescription {
  readonly algorithm: ContentAlgorithm;
  /** Paths of the keys: COSE_Keys that wrap, keys on P-256 in PEM. */
  readonly recipients: readonly string[];
}

export const contentAlgorithmNames = Object.keys(contentAlgorithms) as readonly ContentAlgorithm[];

export interface EncryptedPayload {
  readonly content: Uint8Array;
  /** SUIT_Encryption_Info. */
  readonly info: Uint8Array;
}

/** @throws {ImageError} where a key can't be used. */
export async function encryptPayload(
  plaintext: Uint8Array,
  description: EncryptionDescription,
  images: Images,
): Promise<EncryptedPayload> {
  const { info, ...running } = await encryptionFor(description, images);
  const first = running.update(plaintext);
  return { info, content: joined(first, running.finish()) };
}

/** Of a payload that comes in pieces. @throws {ImageError} where a key can't be used. */
export async function encryptionFor(
  { algorithm, recipients }: EncryptionDescription,
  images: Images,
): Promise<Encryption> {
  const keys: (WrappingKey | RecipientPublicKey)[] = [];
  for (const path of recipients) keys.push(await recipientIn(path, images));
  return encryptFor(keys, algorithm);
}

const dash = 0x2d;

async function recipientIn(path: string, images: Images): Promise<WrappingKey | RecipientPublicKey> {
  const content = await images.read(path, keyBytesMax);
  return inFile(path, () => {
    // PEM begins with dashes, a COSE_Key with the head of a map.
    if (content[0] !== dash) {
      const key = decodeDecryptionKey(content);
      return key.use === 'wrap' ? key : { ...key.public, kid: key.kid ?? key.public.kid };
    }
    const key = readKeyPem(new TextDecoder().decode(content));
    return recipientPublicKey(key.use === 'sign' ? key.public : key);
  });
}
