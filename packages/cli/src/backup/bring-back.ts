/**
 * Brings a fleet back out of a backup: its rows into a store that has none, its files into a folder that is
 * put into its place when all of them are there.
 */

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CborError, read } from '@lapel/cbor';
import type { Columns, Counts, Filling } from '@lapel/status-tracker/whole';
import type { Archive } from './archive.ts';
import { refused } from './archive.ts';
import { digestNamed, isKept, modeOf } from './kept-files.ts';
import type { KeptRecord } from './records.ts';
import { KeptRow } from './records.ts';

export interface BringingBack {
  readonly archive: Archive;
  /** As the operator named the file. */
  readonly name: string;
  /** Where its files go, not yet in its place. */
  readonly folder: string;
  readonly onProgress: (share: number) => void;
}

export interface BroughtBack {
  readonly rows: Counts;
  readonly files: number;
}

/** When it was made: what its first record says. @throws {CommandFailure} */
export async function createdMsOf(archive: Archive, name: string): Promise<number> {
  for await (const { begins } of archive.records()) {
    if (begins !== undefined) return begins.createdMs;
    break;
  }
  throw refused(`expected ${name} to say when it was made, found another record`);
}

/** @throws {CommandFailure} where what it holds is not what it says that it holds. */
export async function bringBack(
  { archive, name, folder, onProgress }: BringingBack,
  filling: Filling,
): Promise<BroughtBack> {
  const tables = readTables(filling, name);
  const files = writeFiles(folder, name);
  let ends: KeptRecord['ends'];
  let read = 0;
  try {
    for await (const record of archive.records()) {
      if (ends !== undefined)
        throw refused(`expected nothing behind the last record of ${name}, found another`);
      await tables.take(record);
      await files.take(record);
      ends = record.ends;
      read += sizeOf(record);
      onProgress(read / archive.sizeBytes);
    }
    await files.end();
  } finally {
    await files.close();
  }
  if (ends === undefined) throw refused(`expected the last record of a backup in ${name}, found none`);
  if (files.count() !== ends.files)
    throw refused(`expected ${ends.files} files in ${name}, found ${files.count()}`);
  return { rows: Object.fromEntries(ends.rows), files: ends.files };
}

/** As far as progress is concerned. */
const sizeOf = ({ rows = [], piece = new Uint8Array() }: KeptRecord): number =>
  rows.reduce((sum, { length }) => sum + length, piece.length);

function readTables(filling: Filling, name: string) {
  let table: { readonly name: string; readonly columns: Columns } | undefined;
  return {
    async take(record: KeptRecord): Promise<void> {
      if (record.table !== undefined)
        table = { name: record.table.name, columns: Object.fromEntries(record.table.columns) };
      if (record.rows === undefined) return;
      if (table === undefined) throw refused(`expected a table before the rows in ${name}, found none`);
      const width = Object.keys(table.columns).length;
      const rows = record.rows.map((row) => rowIn(row, width, name));
      await filling.add(table.name, table.columns, rows);
    },
  };
}

function rowIn(bytes: Uint8Array, width: number, name: string) {
  try {
    const row = read(KeptRow, bytes);
    if (row.length === width) return row;
    throw refused(`expected ${width} values in a row of ${name}, found ${row.length}`);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw refused(`expected a row of a table in ${name}: ${error.message}`, error);
  }
}

function writeFiles(folder: string, name: string) {
  let count = 0;
  let current: { path: string; handle: FileHandle; sizeBytes: number; size: number } | undefined;
  let hash = createHash('sha256');

  async function end(): Promise<void> {
    if (current === undefined) return;
    const { path, handle, sizeBytes, size } = current;
    await handle.sync();
    await handle.close();
    current = undefined;
    if (size !== sizeBytes) throw refused(`expected ${sizeBytes} bytes of ${path} in ${name}, found ${size}`);
    const [named, found] = [digestNamed(path), hash.digest('hex')];
    if (named !== undefined && named !== found)
      throw refused(`expected SHA-256 ${named} of ${path} in ${name}, found ${found}`);
  }

  return {
    count: () => count,
    end,
    async take({ file, piece }: KeptRecord): Promise<void> {
      if (file !== undefined) {
        await end();
        // A path that a server never makes leads nowhere, and so never out of the folder.
        if (!isKept(file.path)) throw refused(`expected a file of a server in ${name}, found ${file.path}`);
        const path = join(folder, file.path);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        hash = createHash('sha256');
        current = { ...file, handle: await open(path, 'wx', modeOf(file.path)), size: 0 };
        count += 1;
      }
      if (piece === undefined) return;
      if (current === undefined) throw refused(`expected a file before its bytes in ${name}, found none`);
      current.size += piece.length;
      if (current.size > current.sizeBytes)
        throw refused(`expected ${current.sizeBytes} bytes of ${current.path} in ${name}, found more`);
      hash.update(piece);
      await current.handle.writeFile(piece);
    },
    async close(): Promise<void> {
      await current?.handle.close();
    },
  };
}
