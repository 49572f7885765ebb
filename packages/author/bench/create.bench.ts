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
      const started = performance.now();
      const envelope = await buildEnvelope(description, {
        images: fileImages(folderOfImage()),
        clock: { wallMs: () => 0 },
      });
      signEnvelope(writeEnvelope(envelope), key);
      const ownMs = performance.now() - started;
      return hashAlone() / ownMs;
    },
  },
];

let folder: string | undefined;

/**
 * Made once: after the run that is not counted its pages are in memory, as those of an image just built are.
 * Giving pages to a file that was never read takes the kernel longer than hashing them.
 */
function folderOfImage(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), 'lapel-bench-'));
  process.once('exit', () => rmSync(made, { recursive: true }));
  // A file with a hole as long as it: the disk of this machine has no part in it.
  writeFileSync(join(made, 'large.bin'), '');
  truncateSync(join(made, 'large.bin'), imageBytes);
  return (folder = made);
}

function hashAlone(): number {
  const started = performance.now();
  const hash = createHash('sha256');
  for (let left = imageBytes; left > 0; left -= piece.length) hash.update(piece);
  hash.digest();
  return performance.now() - started;
}
