/**
 * The folder that a restore fills beside its place, and what is to be done about one whose restore was
 * killed: nobody goes on with it, and it holds private keys.
 */

import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';

/** Its name tells which process fills it. */
export const restoringAt = (data: string): string =>
  `${placeOf(data)}.${process.pid}.${randomUUID()}.restoring`;

const placeOf = (data: string): string => data.replace(/\/+$/, '');

interface Begun {
  readonly folder: string;
  readonly pid: number;
  readonly isUnderWay: boolean;
}

const pattern = /^\.(?<pid>\d{1,10})\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.restoring$/;

/** Restores into that place that have begun, and have not come to their end. */
async function begunAt(data: string): Promise<readonly Begun[]> {
  const place = placeOf(data);
  const [above, name] = [dirname(place), basename(place)];
  if (!existsSync(above)) return [];
  const found = (await readdir(above)).filter((entry) => entry.startsWith(name)).toSorted();
  return found.flatMap((entry) => {
    const digits = pattern.exec(entry.slice(name.length))?.groups?.['pid'];
    if (digits === undefined) return [];
    const pid = Number(digits);
    return [{ folder: join(above, entry), pid, isUnderWay: isRunning(pid) }];
  });
}

/** In a container every first process has the same number: this one has begun none of them. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Takes away what is left of restores into that place that were killed. @returns what it took away.
 * @throws {CommandFailure} while another one is under way.
 */
export async function takeAwayBroken(data: string): Promise<readonly string[]> {
  const begun = await begunAt(data);
  const other = begun.find(({ isUnderWay }) => isUnderWay);
  if (other !== undefined) throw underWay(data, other);
  for (const { folder } of begun) await rm(folder, { recursive: true, force: true });
  return begun.map(({ folder }) => folder);
}

/**
 * A server that finds nothing in its place would begin a fleet of its own there.
 * @returns what is left of restores that were killed, where the place is taken all the same.
 * @throws {CommandFailure} where it is not, or while one is under way.
 */
export async function requireRestored(data: string): Promise<readonly string[]> {
  const begun = await begunAt(data);
  const other = begun.find(({ isUnderWay }) => isUnderWay);
  if (other !== undefined) throw underWay(data, other);
  const [first] = begun;
  if (first === undefined || existsSync(data)) return begun.map(({ folder }) => folder);
  const found = `a restore that was broken off, ${first.folder}`;
  const mend = 'run lapel restore again, or delete that folder to begin a fleet of its own';
  throw new CommandFailure(exitCodes.conflict, `expected ${data} to be restored, found ${found}: ${mend}`);
}

function underWay(data: string, { pid, folder }: Begun): CommandFailure {
  const found = `process ${pid} at it: wait for its end, or delete ${folder} where that is no restore`;
  return new CommandFailure(exitCodes.conflict, `expected no restore of ${data} under way, found ${found}`);
}
