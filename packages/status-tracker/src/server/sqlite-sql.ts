/** One SQLite file: opened durably, its statements prepared once, its transactions whole or not at all. */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { hex } from '@lapel/cbor';
import { Problem } from '@lapel/transport';
import type { Batch, Row, Sql, SqlValue } from './sql.ts';
import { diskFull } from './sql.ts';
import { migrate } from './sqlite-migrations.ts';

export interface SqliteFile {
  of(tenant: string): Sql;
  close(): void;
}

/** @throws {RangeError} where the file is of a newer version. */
export function openSqlite(path: string): SqliteFile {
  const db = new DatabaseSync(path);
  // A write-ahead log lets readers go on while one writes. FULL syncs it at every commit: what a device was
  // told is recorded must be there after the power failed, and a batch shares the cost. NORMAL would lose
  // the last ones.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
  migrate(db);
  const statements = createStatements(db);
  /** The one connection is its transaction's until that is over: nobody else sees half of it. */
  const turn: { underWay?: Promise<void> | undefined } = {};

  /** No turn is taken between the look and the statement. */
  async function inTurn<T>(statement: () => T): Promise<T> {
    while (turn.underWay !== undefined) await turn.underWay;
    return statement();
  }

  async function transaction<T>(change: () => Promise<T>): Promise<T> {
    while (turn.underWay !== undefined) await turn.underWay;
    const over = Promise.withResolvers<void>();
    turn.underWay = over.promise;
    try {
      db.exec('BEGIN IMMEDIATE');
      const result = await change();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw isFull(error) ? new Problem(...diskFull) : error;
    } finally {
      turn.underWay = undefined;
      over.resolve();
    }
  }

  function of(tenant: string): Sql {
    const within: Sql = {
      tenant,
      all: async (text, ...values) => statements.all(text, values),
      get: async (text, ...values) => statements.get(text, values),
      run: async (text, ...values) => statements.run(text, values),
      runBatch: async (text, batch, ...values) => statements.runBatch(text, batch, values),
      // A file is one process's: there is nobody to tell.
      tell: async () => undefined,
      transaction: async (change) => change(within),
    };
    return {
      tenant,
      all: async (text, ...values) => inTurn(() => statements.all(text, values)),
      get: async (text, ...values) => inTurn(() => statements.get(text, values)),
      run: async (text, ...values) => inTurn(() => statements.run(text, values)),
      runBatch: async (text, batch, ...values) => inTurn(() => statements.runBatch(text, batch, values)),
      tell: within.tell,
      transaction: async (change) => transaction(async () => change(within)),
    };
  }

  return { of, close: () => db.close() };
}

function createStatements(db: DatabaseSync) {
  const known = new Map<string, StatementSync>();

  function prepared(text: string): StatementSync {
    const found = known.get(text);
    if (found !== undefined) return found;
    const statement = db.prepare(text);
    known.set(text, statement);
    return statement;
  }

  const run = (text: string, values: readonly SqlValue[]) => Number(prepared(text).run(...values).changes);

  return {
    run,
    all: (text: string, values: readonly SqlValue[]): readonly Row[] => prepared(text).all(...values),
    get: (text: string, values: readonly SqlValue[]): Row | undefined => prepared(text).get(...values),
    runBatch(text: string, batch: Batch, values: readonly SqlValue[]): number {
      if (batch.rows.length === 0) return 0;
      return run(withBatch(text, batch, values.length + 1), [...values, asJson(batch)]);
    },
  };
}

/** As JSON, one value for all rows: a statement has one text, however many rows it is for. */
function withBatch(text: string, { columns }: Batch, place: number): string {
  const read = Object.entries(columns).map(([name, type], at) =>
    type === 'blob' ? `unhex(value ->> ${at}) AS ${name}` : `value ->> ${at} AS ${name}`,
  );
  return text.replace('batch()', `(SELECT ${read.join(', ')} FROM json_each(?${place})) AS batch`);
}

const asJson = ({ rows }: Batch): string =>
  JSON.stringify(rows.map((row) => row.map((value) => (value instanceof Uint8Array ? hex(value) : value))));

/** SQLITE_FULL (https://www.sqlite.org/rescode.html#full). */
const sqliteFull = 13;
const isFull = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
