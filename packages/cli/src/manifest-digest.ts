/** A manifest as a person names it on the command line: by its digest, or by a file with its envelope. */

import { hex } from '@lapel/cbor';
import { readOutline } from './envelope-file.ts';

/** In lower-case hex. */
export async function manifestDigest(which: string): Promise<string> {
  if (/^[0-9a-f]{64}$/i.test(which)) return which.toLowerCase();
  return hex((await readOutline(which)).outline.digest.bytes);
}
