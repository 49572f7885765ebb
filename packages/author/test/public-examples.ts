/** Where the public examples are, the key that signed them, and the images that they speak of. */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { unhex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { readKeyPem } from '@lapel/cose';
import type { Images } from '@lapel/author';
import { ImageError } from '@lapel/author';

const root = resolve(process.env['LAPEL_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'));
const folder = join(root, 'manifest-spec-37');

/** For a test's `skip`: why it cannot run, or false. */
export const missing: string | false = existsSync(folder)
  ? false
  : 'the public vectors are not here: set LAPEL_VECTORS to their folder';

export const vectorFolder = (origin: string): string => join(root, origin);
export const vectorBytes = (origin: string, name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(vectorFolder(origin), name)));
export const exampleBytes = (name: string): Uint8Array => vectorBytes('manifest-spec-37', name);

export function exampleKey(): SigningKey {
  const base64 = readFileSync(join(folder, 'private_key.b64'), 'utf8').trim();
  const key = readKeyPem(`-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`);
  if (key.use !== 'sign') throw new Error('expected a private key');
  return key;
}

/** Appendix B has no images, only their figures; the digests are sample patterns. */
const figures = new Map([
  [
    'file1.bin',
    { sizeBytes: 34768, digest: '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210' },
  ],
  [
    'file2.bin',
    { sizeBytes: 76834, digest: '0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff' },
  ],
]);

export const exampleImages: Images = {
  measure(path) {
    const found = figures.get(path);
    const digest = unhex(found?.digest ?? '');
    if (found === undefined || digest === undefined)
      throw new ImageError(`expected an image, found no ${path}`);
    return Promise.resolve({ sizeBytes: found.sizeBytes, digest });
  },
  read: (path) => Promise.reject(new ImageError(`expected a content, found only the figures of ${path}`)),
};
