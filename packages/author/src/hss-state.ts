/**
 * Where an author keeps what a hash-based key has spent: a file for the ledger of @lapel/cose and, on another
 * medium, one for its high-water mark (RFC 8554 §9; S4-37). The lock is one of the operating system's, by way
 * of SQLite, so it goes with the process that holds it; a network file system may promise it and not keep it.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { HighWaterMark, LeafStore } from '@lapel/cose';
import { LedgerError } from '@lapel/cose';

/** The ledger in this file. Beside it stand `.lock` and, while it is replaced, `.new`. */
export function leafFile(path: string): LeafStore {
  let holding: DatabaseSync | undefined;
  let aside: number | undefined;
  return {
    lock() {
      holding = locked(`${path}.lock`);
      return holding !== undefined;
    },
    unlock() {
      holding?.close();
      holding = undefined;
    },
    read: () => content(path),
    writeAside(state) {
      aside = openSync(`${path}.new`, 'w', 0o600);
      writeFileSync(aside, state);
    },
    syncAside() {
      if (aside === undefined) return;
      fsyncSync(aside);
      closeSync(aside);
      aside = undefined;
    },
    replace: () => renameSync(`${path}.new`, path),
    syncFolder: () => syncFolderOf(path),
  };
}

/** Begins the mark of a new key. @throws {LedgerError} where there is one. */
export function beginMarkFile(path: string): void {
  if (content(path) !== undefined) throw new LedgerError('damaged', 'expected no mark yet, found one');
  writeMark(path, 0);
}

/**
 * The mark in this file, which belongs on another medium than the ledger and in no backup with it. A mark
 * that is gone is a refusal: it may have gone with the copy of a ledger that was put back.
 */
export function markFile(path: string): HighWaterMark {
  return {
    read() {
      const bytes = content(path);
      if (bytes === undefined) throw new LedgerError('damaged', 'expected the mark of this key, found none');
      const text = new TextDecoder().decode(bytes);
      if (/^[0-9]{1,15}\n$/.test(text)) return Number(text);
      throw new LedgerError('damaged', 'expected a number as the mark of this key, found another text');
    },
    raise: (next) => writeMark(path, next),
  };
}

function writeMark(path: string, next: number): void {
  const aside = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeFileSync(aside, `${next}\n`);
    fsyncSync(aside);
  } finally {
    closeSync(aside);
  }
  renameSync(`${path}.new`, path);
  syncFolderOf(path);
}

/** A new name outlives a power cut only when its folder is on the medium too. */
function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function content(path: string): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (isOf(error, 'code', 'ENOENT')) return undefined;
    throw error;
  }
}

const sqliteBusy = 5;

function locked(path: string): DatabaseSync | undefined {
  // Loaded here, where it is needed: whoever signs with another key is not to wait for it.
  const sqlite = process.getBuiltinModule('node:sqlite');
  const database = new sqlite.DatabaseSync(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (isOf(error, 'errcode', sqliteBusy)) return undefined;
    throw error;
  }
}

const isOf = (error: unknown, member: string, value: unknown): boolean =>
  error instanceof Error && (error as unknown as Readonly<Record<string, unknown>>)[member] === value;
