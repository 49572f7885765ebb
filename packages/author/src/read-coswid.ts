/** A CoSWID (RFC 9393), which a manifest carries and nobody here looks into. */

import { major } from '@lapel/cbor';
import { server } from '@lapel/suit';
import type { Images } from './images.ts';
import { ImageError } from './images.ts';

/** RFC 9393 §8: the tag of a CoSWID that stands alone. */
const tag = Uint8Array.of(0xda, 0x53, 0x57, 0x49, 0x44);

/**
 * Update-management §3.2 has the map itself, so that a tag before it is left out.
 * @throws {ImageError} where the file holds another thing.
 */
export async function readCoswid(path: string, images: Images): Promise<Uint8Array> {
  const bytes = await images.read(path, server.envelopeBytes);
  const content = tag.every((byte, index) => bytes[index] === byte) ? bytes.subarray(tag.length) : bytes;
  const [head] = content;
  if (head !== undefined && head >> 5 === major.map) return content;
  const found = head === undefined ? 'an empty file' : 'something that begins like no CBOR map';
  throw new ImageError(`expected a CoSWID in ${path}, found ${found}`);
}
