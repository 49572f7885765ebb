/** One SQLite file: opened durably, its statements prepared once, its transactions whole or not at all. */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { Problem } from '@lapel/transport';
import { migrate } from './sqlite-migrations.ts';
import type { Row } from './sqlite-rows.ts';

export interface Database {
  readonly tenant: string;
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[];
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  /** @returns how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  transaction<T>(change: () => T): T;
  close(): void;
}

export function openDatabase(path: string, tenant: string): Database {
  const db = new DatabaseSync(path);
  // A write-ahead log lets readers go on while one writes. FULL syncs it at every commit: what a device was
  // told is recorded must be there after the power failed, and a batch shares the cost. NORMAL would lose
  // the last ones.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
  migrate(db);
  const statements = new Map<string, StatementSync>();

  // Every text is a constant of this room, so there are as many statements as places that make one.
  function prepared(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  }

  return {
    tenant,
    all: (sql, ...values) => prepared(sql).all(...values),
    get: (sql, ...values) => prepared(sql).get(...values),
    run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
    transaction(change) {
      try {
        db.exec('BEGIN IMMEDIATE');
        const result = change();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw isFull(error)
          ? new Problem('storage-full', 'expected room for the fleet, found the disk full')
          : error;
      }
    },
    close: () => db.close(),
  };
}

/** SQLITE_FULL (https://www.sqlite.org/rescode.html#full). */
const sqliteFull = 13;
const isFull = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
