/** Where the description of a device's network usage lies, with who signs it (draft-ietf-suit-mud-09 §5). */

import type { UsageDescription } from '@lapel/suit';
import { digestOf } from '@lapel/suit';
import type { UsageDescriptionSource } from './description.ts';
import type { Images } from './images.ts';
import { readPublicKey } from './read-public-key.ts';

/** @throws {ImageError} where the key can't be used. */
export async function readUsageDescription(
  { url, signer }: UsageDescriptionSource,
  images: Images,
): Promise<UsageDescription> {
  const { kid } = await readPublicKey(signer, images);
  // A key's identifier is its thumbprint with SHA-256.
  return { url, signer: digestOf({ algorithm: 'sha-256', bytes: kid }) };
}
