/**
 * An envelope of a large image, made and signed, against SHA-256 alone over as many bytes in memory: nothing
 * but the hashing may cost time.
 */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@lapel/cose';
import { buildEnvelope, fileImages, parseDescription, signEnvelope } from '@lapel/author';
import { writeEnvelope } from '@lapel/suit';
import type { Figure } from '../../../tools/figure.ts';

const imageBytes = 2 ** 30;
const piece = new Uint8Array(512 * 1024);
const key = generateSigningKey('P-256');
const description = parseDescription(
  'sequence: 1\nvendor: lapel.example\nclass: lamp\ncomponent: main\nimage: large.bin\n',
);

export const figures: readonly Figure[] = [
  {
    room: 'author',
    name: 'make and sign an envelope of an image of 1 GB',
    unit: '× the rate of SHA-256 alone',
    aim: '≥ 0.9',
    atLeast: 0.9,
    async measure() {
      const folder = mkdtempSync(join(tmpdir(), 'lapel-bench-'));
      try {
        // A file with a hole as long as it: the disk of this machine has no part in it.
        writeFileSync(join(folder, 'large.bin'), '');
        truncateSync(join(folder, 'large.bin'), imageBytes);
        const started = performance.now();
        const envelope = await buildEnvelope(description, {
          images: fileImages(folder),
          clock: { wallMs: () => 0 },
        });
        signEnvelope(writeEnvelope(envelope), key);
        const ownMs = performance.now() - started;
        return hashAlone() / ownMs;
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
];

function hashAlone(): number {
  const started = performance.now();
  const hash = createHash('sha256');
  for (let left = imageBytes; left > 0; left -= piece.length) hash.update(piece);
  hash.digest();
  return performance.now() - started;
}
