/**
 * A number that only rises, in a file beside the flash, in place of what hardware keeps: fuses, a secure
 * element. Whoever puts an older flash back must leave this file alone, or nothing tells.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Counter } from '@lapel/device';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { readBoundedNow } from '../files.ts';

const bytesMax = 4096;
const pattern = /^lapel counter 1, (?<number>\d{1,16})\n$/;

/** @throws EEXIST */
export function makeCounterFile(path: string): Counter {
  writeSynced(path, 0);
  syncFolder(path);
  return openCounterFile(path);
}

/** @throws {CommandFailure} where it is no such file; ENOENT where there is none. */
export function openCounterFile(path: string): Counter {
  readNumber(path);
  return {
    read: () => readNumber(path),
    raise(to) {
      const found = readNumber(path);
      if (!Number.isSafeInteger(to)) throw new RangeError(`expected a whole number, found ${to}`);
      if (to < found) throw new RangeError(`expected a number of at least ${found}, found ${to}`);
      if (to > found) replace(path, to);
    },
  };
}

/** For whoever only looks. */
export const lookingAt = (counter: Counter): Counter => ({ read: () => counter.read(), raise() {} });

function readNumber(path: string): number {
  const text = new TextDecoder().decode(readBoundedNow(path, bytesMax));
  const number = Number(pattern.exec(text)?.groups?.['number']);
  if (Number.isSafeInteger(number)) return number;
  throw new CommandFailure(exitCodes.failed, `expected the counter of a device in ${path}, found no such`);
}

/** Under another name first, and on the disk before it takes its place: no cut leaves a half. */
function replace(path: string, to: number): void {
  const other = `${path}.${randomUUID()}`;
  try {
    writeSynced(other, to);
    renameSync(other, path);
  } catch (error) {
    rmSync(other, { force: true });
    // The user knows nothing of the other name.
    if (error instanceof Error && 'path' in error) error.path = path;
    throw error;
  }
  syncFolder(path);
}

function writeSynced(path: string, number: number): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, `lapel counter 1, ${number}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The name of a file is kept by its folder. Windows opens no folders, and keeps names by itself. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
