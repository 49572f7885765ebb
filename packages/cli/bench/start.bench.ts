/** How long a person waits for help, against a Node that does nothing; and what a server takes. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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
  {
    room: 'status-tracker',
    name: 'lapel serve, from its start until it serves',
    unit: 'ms',
    aim: '< 1000',
    atMost: 1_000,
    measure: async () => (await serving()).startMs,
  },
  {
    room: 'status-tracker',
    name: 'lapel serve, memory once it serves',
    unit: 'MiB',
    aim: '< 150',
    atMost: 150,
    measure: async () => (await serving()).mebibytes,
  },
];

/** On a folder that it has made at a start before. */
async function serving(): Promise<{ readonly startMs: number; readonly mebibytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  try {
    await served(folder);
    return await served(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function served(folder: string) {
  const before = performance.now();
  const child = spawn(process.execPath, [lapel, 'serve', '--port', '0', '--data', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let told = '';
    while (!/http:[^\s"]+/.test(told)) told += String((await once(child.stdout, 'data'))[0]);
    const startMs = performance.now() - before;
    const url = /http:[^\s"]+/.exec(told)?.[0] ?? '';
    const answer = await fetch(`${url}/capabilities`);
    if (!answer.ok) throw new Error(`expected an answer, found ${answer.status}`);
    return { startMs, mebibytes: residentMebibytes(child.pid ?? 0) };
  } finally {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
}

/** Where the system tells it of another process; elsewhere the figure can't be measured. */
function residentMebibytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(?<kibibytes>\d+)/.exec(status)?.groups?.['kibibytes']) / 1024;
}

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
