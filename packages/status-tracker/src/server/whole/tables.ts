/**
 * The tables that make a fleet, of all tenants, and how they are copied from one database to another: in
 * pages, in the order of their keys. A row that is copied twice is there once.
 */
import type { Batch, Row, Sql, SqlValue } from '../sql.ts';
import { integer } from '../sql-rows.ts';

export interface FleetTable {
  readonly name: string;
  /** Names a row for as long as it is there; an index is in this order in both databases. */
  readonly key: readonly string[];
  /** What was said or done: its rows never change. */
  readonly isAppendOnly?: true;
}

export const fleetTables: readonly FleetTable[] = [
  { name: 'device', key: ['tenant', 'id'] },
  { name: 'campaign', key: ['tenant', 'id'] },
  { name: 'member', key: ['tenant', 'campaign', 'device'] },
  { name: 'access_grant', key: ['tenant', 'name'] },
  { name: 'manufacturer', key: ['tenant', 'name'] },
  { name: 'revoked_certificate', key: ['tenant', 'manufacturer', 'serial'] },
  { name: 'enrolment_token', key: ['tenant', 'name'] },
  { name: 'channel', key: ['tenant', 'device'] },
  { name: 'newest_release', key: ['tenant', 'vendor', 'class'] },
  { name: 'offer', key: ['tenant', 'nonce'], isAppendOnly: true },
  { name: 'report', key: ['tenant', 'actor', 'number'], isAppendOnly: true },
  { name: 'audit', key: ['number'], isAppendOnly: true },
  { name: 'log_entry', key: ['tenant', 'number'], isAppendOnly: true },
  { name: 'log_node', key: ['tenant', 'level', 'place'], isAppendOnly: true },
];

/**
 * What a store makes by itself, or has for itself: counts, leases, challenges, how far it is moved, and what
 * its servers have still to send out, which they send from where it is.
 */
export const ownTables: readonly string[] = [
  ...['member_count', 'lease', 'store_version', 'fleet_move'],
  ...['challenge_secret', 'used_challenge', 'webhook', 'outbox'],
];

export type Columns = Batch['columns'];
export type Values = readonly SqlValue[];

/** Few enough that a page of the largest rows fits into memory; enough that a round trip is worth it. */
const pageRows = 500;

/** All rows, page by page, each with its values in the order of the columns. */
export async function* pagesOf(
  sql: Sql,
  { name, key }: FleetTable,
  columns: Columns,
): AsyncGenerator<readonly Values[]> {
  const names = Object.keys(columns);
  const select = `SELECT ${names.join(', ')} FROM ${name}`;
  const order = `ORDER BY ${key.join(', ')} LIMIT ?`;
  const beyond = `WHERE (${key.join(', ')}) > (${key.map(() => '?').join(', ')})`;
  let rows = await sql.all(`${select} ${order}`, pageRows);
  for (;;) {
    if (rows.length > 0) yield rows.map((row) => valuesOf(row, names));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    rows = await sql.all(`${select} ${beyond} ${order}`, ...valuesOf(last, key), pageRows);
  }
}

export const valuesOf = (row: Row, names: readonly string[]): Values =>
  names.map((name) => valueIn(row, name));

function valueIn(row: Row, name: string): SqlValue {
  const value = row[name];
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`expected a value in ${name}, found ${typeof value}`);
}

export interface Writing {
  /** Where the database numbers rows by itself, and is told otherwise. */
  readonly overriding: string;
  /** `rows` may be there already, as they are or as they were. */
  readonly isAgain: boolean;
}

export async function writeRows(
  sql: Sql,
  table: FleetTable,
  { columns, rows }: Batch,
  { overriding, isAgain }: Writing,
): Promise<void> {
  const names = Object.keys(columns);
  const list = names.join(', ');
  const again = isAgain ? whereKnown(table, names) : '';
  // The WHERE tells SQLite that what follows belongs to the INSERT.
  await sql.runBatch(
    `INSERT INTO ${table.name} (${list}) ${overriding} SELECT ${list} FROM batch() WHERE true ${again}`,
    { columns, rows },
  );
}

function whereKnown({ key, isAppendOnly }: FleetTable, names: readonly string[]): string {
  if (isAppendOnly) return 'ON CONFLICT DO NOTHING';
  const changing = names.filter((name) => !key.includes(name)).map((name) => `${name} = excluded.${name}`);
  return `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changing.join(', ')}`;
}

export type Counts = Readonly<Record<string, number>>;

export async function countRows(sql: Sql): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (const { name } of fleetTables) {
    const row = await sql.get(`SELECT count(*) AS count FROM ${name}`);
    counts[name] = integer(row ?? {}, 'count');
  }
  return counts;
}

export async function isEmpty(sql: Sql): Promise<boolean> {
  for (const { name } of fleetTables)
    if ((await sql.get(`SELECT 1 FROM ${name} LIMIT 1`)) !== undefined) return false;
  return true;
}
