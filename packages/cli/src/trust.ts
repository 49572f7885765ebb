/** Whom a manifest may come from, in files: keys in PEM, or what else a trust anchor is kept as. */

import { readTrustAnchor } from '@lapel/author/simulate';
import { CoseError } from '@lapel/cose';
import type { TrustAnchor } from '@lapel/suit';
import { readTextFile } from './files.ts';
import { isHashBased } from './hash-based-key.ts';
import { readVerificationKey } from './key-files.ts';

/** @throws {CoseError} naming the file */
export async function readTrust(file: string): Promise<TrustAnchor> {
  const text = await readTextFile(file);
  if (isHashBased(text)) return { key: await readVerificationKey(file) };
  try {
    return readTrustAnchor(text);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new CoseError(error.kind, `${file}: ${error.message}`, { cause: error });
  }
}
