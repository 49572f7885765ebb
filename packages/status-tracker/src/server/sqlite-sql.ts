/** One SQLite file: opened durably, its statements prepared once, its transactions whole or not at all. */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { hex } from '@lapel/cbor';
import type { Batch, Row, Sql, SqlValue } from './sql.ts';
import { busyMs, createCommits } from './sqlite-commits.ts';
import { told } from './sqlite-errors.ts';
import { migrate } from './sqlite-migrations.ts';

export interface SqliteFile {
  of(tenant: string): Sql;
  /** What `read` is given sees the file as it is now, and keeps nobody waiting. */
  snapshot<T>(read: (sql: Sql) => Promise<T>): Promise<T>;
  close(): void;
}

/** @throws {SchemaError} */
export function openSqlite(path: string): SqliteFile {
  const db = new DatabaseSync(path);
  // A write-ahead log lets readers go on while one writes. FULL syncs it at every commit: what a device was
  // told is recorded must be there after the power failed. NORMAL would lose the last ones.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
  // The log is copied into the file at 32 MiB: a page that is written often is copied once.
  db.exec('PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -32768');
  migrate(db);
  db.exec(`PRAGMA busy_timeout = ${busyMs}`);
  const statements = createStatements(db);
  const commits = createCommits(db);

  /** By the same connection: another one would lose all that it holds in memory with every commit. */
  async function reading<T>(read: (from: Statements) => T): Promise<T> {
    await commits.settled();
    try {
      return read(statements);
    } catch (error) {
      throw told(error);
    }
  }

  function of(tenant: string): Sql {
    const within = withinTransaction(tenant, statements);
    return {
      tenant,
      all: (text, ...values) => reading((from) => from.all(text, values)),
      get: (text, ...values) => reading((from) => from.get(text, values)),
      run: (text, ...values) => commits.share(async () => statements.run(text, values)),
      runBatch: (text, batch, ...values) =>
        commits.share(async () => statements.runBatch(text, batch, values)),
      allBatch: (text, batch, ...values) => reading((from) => from.allBatch(text, batch, values)),
      tell: within.tell,
      transaction: (change) => commits.share(async () => change(within)),
    };
  }

  async function snapshot<T>(read: (sql: Sql) => Promise<T>): Promise<T> {
    const reader = openReader(path);
    try {
      reader.exec('BEGIN');
      return await read(withinTransaction('', createStatements(reader)));
    } catch (error) {
      throw told(error);
    } finally {
      reader.close();
    }
  }

  return { of, snapshot, close: () => db.close() };
}

function openReader(path: string): DatabaseSync {
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec('PRAGMA busy_timeout = 5000');
  return reader;
}

type Statements = ReturnType<typeof createStatements>;

function withinTransaction(tenant: string, statements: Statements): Sql {
  const within: Sql = {
    tenant,
    all: async (text, ...values) => statements.all(text, values),
    get: async (text, ...values) => statements.get(text, values),
    run: async (text, ...values) => statements.run(text, values),
    runBatch: async (text, batch, ...values) => statements.runBatch(text, batch, values),
    allBatch: async (text, batch, ...values) => statements.allBatch(text, batch, values),
    // A file is one process's: there is nobody to tell.
    tell: async () => undefined,
    transaction: async (change) => change(within),
  };
  return within;
}

function createStatements(db: DatabaseSync) {
  const known = new Map<string, StatementSync>();
  const knownForBatches = new Map<string, StatementSync>();

  function prepared(text: string): StatementSync {
    const found = known.get(text);
    if (found !== undefined) return found;
    const statement = db.prepare(text);
    known.set(text, statement);
    return statement;
  }

  /** A text has one batch, whose columns are always the same. */
  function preparedFor(text: string, batch: Batch, place: number): StatementSync {
    const found = knownForBatches.get(text);
    if (found !== undefined) return found;
    const statement = db.prepare(withBatch(text, batch, place));
    knownForBatches.set(text, statement);
    return statement;
  }

  return {
    run: (text: string, values: readonly SqlValue[]) => Number(prepared(text).run(...values).changes),
    all: (text: string, values: readonly SqlValue[]): readonly Row[] => prepared(text).all(...values),
    get: (text: string, values: readonly SqlValue[]): Row | undefined => prepared(text).get(...values),
    runBatch(text: string, batch: Batch, values: readonly SqlValue[]): number {
      if (batch.rows.length === 0) return 0;
      const statement = preparedFor(text, batch, values.length + 1);
      return Number(statement.run(...values, asJson(batch)).changes);
    },
    allBatch(text: string, batch: Batch, values: readonly SqlValue[]): readonly Row[] {
      if (batch.rows.length === 0) return [];
      return preparedFor(text, batch, values.length + 1).all(...values, asJson(batch));
    },
  };
}

/**
 * As JSON, one value for all rows: a statement has one text, however many rows it is for. Made a table first,
 * so that they are looked up in what they are joined with: else it would be the fleet that is gone through.
 */
function withBatch(text: string, { columns }: Batch, place: number): string {
  const read = Object.entries(columns).map(([name, type], at) =>
    type === 'blob' ? `unhex(value ->> ${at}) AS ${name}` : `value ->> ${at} AS ${name}`,
  );
  const batch = `SELECT ${read.join(', ')} FROM json_each(?${place})`;
  return `WITH batch AS MATERIALIZED (${batch}) ${text.replace('batch()', 'batch')}`;
}

const asJson = ({ rows }: Batch): string =>
  JSON.stringify(rows.map((row) => row.map((value) => (value instanceof Uint8Array ? hex(value) : value))));
