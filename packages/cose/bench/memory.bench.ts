/** Peak memory of encryption and decryption in pieces: it must not know how large the firmware is. */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Figure } from '../../../tools/figure.ts';

const script = join(import.meta.dirname, 'peak-memory.ts');

const peakKiB = (megabytes: number): number => {
  const args = ['--disable-warning=ExperimentalWarning', '--expose-gc', script, `${megabytes}`];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
};

export const figures: readonly Figure[] = [
  {
    room: 'cose',
    name: 'peak memory of encrypting and decrypting 1 GB in pieces',
    unit: '× that of 1 MB',
    aim: '≤ 1.1',
    atMost: 1.1,
    measure: () => peakKiB(1024) / peakKiB(1),
  },
];
