/**
 * Whether the power-cut proof can fail: faults are put into the device one after the other, each in a process
 * of its own, and each must be found.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Mutant } from './powercut-mutant-list.ts';

export interface Fate {
  readonly mutant: Mutant;
  /** Lives until it was found, or in vain. */
  readonly lives: number;
  /** What was found first; undefined where nothing was. */
  readonly violation: string | undefined;
}

/** A search ends by itself; one that does not hangs in the mutant, which is as good as found. */
const searchMsMax = 240_000;

/** @throws where the device has no such place, or one more. */
export async function fateOf(mutant: Mutant): Promise<Fate> {
  await requireOnce(mutant);
  const main = fileURLToPath(new URL('powercut-mutant-main.ts', import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', main, mutant.name];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: searchMsMax });
    const found = JSON.parse(stdout) as Omit<Fate, 'mutant'>;
    return { mutant, lives: found.lives, violation: found.violation };
  } catch (error) {
    if (!(error instanceof Error) || !('killed' in error) || error.killed !== true) throw error;
    return { mutant, lives: 0, violation: 'expected an end, found none' };
  }
}

async function requireOnce({ name, file, find }: Mutant): Promise<void> {
  const text = await readFile(new URL(file, import.meta.resolve('@lapel/device')), 'utf8');
  const places = text.split(find).length - 1;
  if (places === 1) return;
  throw new Error(`mutant '${name}': expected one place to change in ${file}, found ${places}`);
}
