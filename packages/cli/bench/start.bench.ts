/** How long a person waits for help, against a Node that does nothing. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Figure } from '../../../tools/figure.ts';

const lapel = join(import.meta.dirname, '../bin/lapel.mjs');
/** One start alone says little: the two take turns, and the quickest of each counts. */
const turns = 7;

export const figures: readonly Figure[] = [
  {
    room: 'cli',
    name: 'lapel --help',
    unit: '× the start of an empty Node',
    aim: '≤ 2',
    atMost: 2,
    measure: helping,
  },
];

function helping(): number {
  const emptyMs: number[] = [];
  const helpMs: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    emptyMs.push(startMs('--eval', '0'));
    helpMs.push(startMs(lapel, '--help'));
  }
  return Math.min(...helpMs) / Math.min(...emptyMs);
}

function startMs(...args: readonly string[]): number {
  const before = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`expected node ${args.join(' ')} to end with 0, found ${status}`);
  return performance.now() - before;
}
