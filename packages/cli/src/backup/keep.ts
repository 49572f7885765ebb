/**
 * Writes a whole fleet into a backup: every table of every tenant as it was at one moment, then the files of
 * the folder. Nobody has to stop for it. No table and no file is ever in memory as a whole.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { write } from '@lapel/cbor';
import type { Sql, Values, WholeStore } from '@lapel/status-tracker/whole';
import { countRows, fleetTables, pagesOf } from '@lapel/status-tracker/whole';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { ArchiveWriter } from './archive.ts';
import { digestNamed, keptFiles } from './kept-files.ts';
import type { KeptFile } from './kept-files.ts';
import type { KeptRecord } from './records.ts';
import { KeptRow, recordBytes } from './records.ts';

export interface Kept {
  readonly rows: ReadonlyMap<string, number>;
  readonly files: number;
}

export interface Keeping {
  readonly store: WholeStore;
  readonly folder: string;
  readonly nowMs: number;
  /** What share of the rows, or how many files, are written. */
  readonly onProgress: (text: { readonly share: number } | { readonly files: number }) => void;
}

export async function keep({ store, folder, nowMs, onProgress }: Keeping, to: ArchiveWriter): Promise<Kept> {
  await to.add({ begins: { version: 1, createdMs: nowMs } });
  const rows = await store.snapshot(async (sql) => keepTables(store, sql, to, onProgress));
  // What the fleet speaks of was there before it did, and is never taken away.
  let files = 0;
  for await (const file of keptFiles(folder)) {
    await keepFile(folder, file, to);
    files += 1;
    onProgress({ files });
  }
  await to.add({ ends: { rows: [...rows], files } });
  return { rows, files };
}

async function keepTables(
  store: WholeStore,
  sql: Sql,
  to: ArchiveWriter,
  onProgress: Keeping['onProgress'],
): Promise<ReadonlyMap<string, number>> {
  const all = Object.values(await countRows(sql)).reduce((sum, each) => sum + each, 0);
  const kept = new Map<string, number>();
  let done = 0;
  for (const table of fleetTables) {
    const columns = await store.columnsOf(table.name);
    await to.add({ table: { name: table.name, columns: Object.entries(columns) } });
    let count = 0;
    for await (const rows of pagesOf(sql, table, columns)) {
      for (const record of recordsOf(rows)) await to.add(record);
      count += rows.length;
      onProgress({ share: (done + count) / Math.max(1, all) });
    }
    done += count;
    kept.set(table.name, count);
  }
  return kept;
}

/** Rows of a page together, as many as fit into a record. */
function* recordsOf(rows: readonly Values[]): Generator<KeptRecord> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for (const row of rows) {
    const encoded = write(KeptRow, row);
    if (gathered.length > 0 && bytes + encoded.length > recordBytes) {
      yield { rows: gathered };
      gathered = [];
      bytes = 0;
    }
    gathered.push(encoded);
    bytes += encoded.length;
  }
  if (gathered.length > 0) yield { rows: gathered };
}

/** @throws {CommandFailure} where a blob is not what its name says: a backup of it would be worth nothing. */
async function keepFile(folder: string, { path, sizeBytes }: KeptFile, to: ArchiveWriter): Promise<void> {
  await to.add({ file: { path, sizeBytes } });
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(join(folder, path), { highWaterMark: recordBytes })) {
    const piece = new Uint8Array(chunk as Buffer);
    hash.update(piece);
    size += piece.length;
    await to.add({ piece });
  }
  if (size !== sizeBytes) throw changed(`expected ${sizeBytes} bytes in ${path}, found ${size}: it changes`);
  const named = digestNamed(path);
  const found = hash.digest('hex');
  if (named !== undefined && named !== found)
    throw changed(`expected SHA-256 ${named} of ${path}, found ${found}: publish it again`);
}

const changed = (message: string) => new CommandFailure(exitCodes.failed, message);
