/** A public key in PEM, among an author's files. */

import type { VerificationKey } from '@lapel/cose';
import { CoseError, readKeyPem } from '@lapel/cose';
import type { Images } from './images.ts';
import { ImageError } from './images.ts';

/** A key with many trees is longer than one on a curve. */
export const keyBytesMax = 8192;

/** The public half, where the file holds a private key. @throws {ImageError} where it holds none. */
export async function readPublicKey(path: string, images: Images): Promise<VerificationKey> {
  const bytes = await images.read(path, keyBytesMax);
  const key = inFile(path, () => readKeyPem(new TextDecoder().decode(bytes)));
  return key.use === 'sign' ? key.public : key;
}

/** Says in which file it is that a key can't be used. */
export function inFile<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new ImageError(`${path}: ${error.message}`, { cause: error });
  }
}
