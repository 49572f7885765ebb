/** A store as a whole, with all its tenants, in whatever database: for those who copy it. */
import type { Sql } from '../sql.ts';
import { has, integer, text } from '../sql-rows.ts';
import { migratePostgres } from '../postgres-migrations.ts';
import type { PostgresOptions } from '../postgres-sql.ts';
import { openPostgres } from '../postgres-sql.ts';
import { openSqlite } from '../sqlite-sql.ts';
import type { MoveWords } from './move-words.ts';
import { postgresMoves, sqliteMoves } from './move-words.ts';
import type { Columns } from './tables.ts';

export interface WholeStore {
  readonly sql: Sql;
  readonly overriding: string;
  readonly moves: MoveWords;
  /** Whether its trackers tell each other by leases that they are there. */
  readonly hasLeases: boolean;
  columnsOf(table: string): Promise<Columns>;
  /** What `read` sees is of one moment. */
  snapshot<T>(read: (sql: Sql) => Promise<T>): Promise<T>;
  /** Numbers that the database gives go on behind those that were loaded. */
  afterLoad(sql: Sql): Promise<void>;
  close(): Promise<void>;
}

const whole = '';
const types: Readonly<Record<string, Columns[string]>> = {
  TEXT: 'text',
  INTEGER: 'integer',
  BLOB: 'blob',
  text: 'text',
  bigint: 'integer',
  bytea: 'blob',
};

async function columnsIn(sql: Sql, question: string, table: string): Promise<Columns> {
  const columns: Record<string, Columns[string]> = {};
  for (const row of await sql.all(question, table)) {
    const type = types[text(row, 'type')];
    if (type === undefined)
      throw new TypeError(`expected a known type in ${table}, found ${text(row, 'type')}`);
    columns[text(row, 'name')] = type;
  }
  return columns;
}

/** @throws {SchemaError} */
export function openSqliteWhole(path: string): WholeStore {
  const file = openSqlite(path);
  const sql = file.of(whole);
  return {
    sql,
    overriding: '',
    moves: sqliteMoves,
    hasLeases: false,
    columnsOf: async (table) =>
      columnsIn(sql, 'SELECT name, type FROM pragma_table_info(?) ORDER BY name', table),
    snapshot: file.snapshot,
    // It numbers behind the last row that is there.
    afterLoad: async () => undefined,
    close: async () => file.close(),
  };
}

/** @throws {SchemaError} */
export async function openPostgresWhole(options: PostgresOptions): Promise<WholeStore> {
  const database = await openPostgres(options);
  const sql = database.of(whole);
  try {
    await migratePostgres(sql);
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    sql,
    overriding: 'OVERRIDING SYSTEM VALUE',
    moves: postgresMoves,
    hasLeases: true,
    columnsOf: async (table) =>
      columnsIn(
        sql,
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = ? ORDER BY column_name COLLATE "C"`,
        table,
      ),
    snapshot: async (read) => sql.transaction(read),
    afterLoad: numberOn,
    close: database.close,
  };
}

const sequences: Readonly<Record<string, string>> = {
  report: `'report_number'`,
  audit: `pg_get_serial_sequence('audit', 'number')`,
};

async function numberOn(sql: Sql): Promise<void> {
  for (const [table, sequence] of Object.entries(sequences)) {
    const row = (await sql.get(`SELECT max(number) AS number FROM ${table}`)) ?? {};
    if (has(row, 'number')) await sql.get(`SELECT setval(${sequence}, ?)`, integer(row, 'number'));
  }
}
