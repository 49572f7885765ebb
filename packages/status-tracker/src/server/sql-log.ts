/** The transparency log in SQL. */
import type { LogStore } from './log.ts';
import type { Sql } from './sql.ts';
import { blob, integer } from './sql-rows.ts';

export const logMethods = (db: Sql): LogStore => ({
  logSize: async () => sizeOf(db),
  appendLog: async (size, entries, nodes) =>
    db.transaction(async (sql) => {
      if ((await sizeOf(sql)) !== size) return false;
      for (const { hash } of entries) if ((await placeOf(sql, hash)) !== undefined) return false;
      for (const [at, { entry, hash, atMs }] of entries.entries()) {
        await sql.run(
          'INSERT INTO log_entry (tenant, number, entry, hash, at_ms) VALUES (?, ?, ?, ?, ?)',
          ...[sql.tenant, size + at, entry, hash, atMs],
        );
      }
      for (const { level, index, hash } of nodes) {
        await sql.run(
          'INSERT INTO log_node (tenant, level, place, hash) VALUES (?, ?, ?, ?)',
          ...[sql.tenant, level, index, hash],
        );
      }
      return true;
    }),
  async logEntries(from, limit) {
    const rows = await db.all(
      'SELECT entry, hash, at_ms FROM log_entry WHERE tenant = ? AND number >= ? ORDER BY number LIMIT ?',
      ...[db.tenant, from, limit],
    );
    return rows.map((row) => ({
      entry: blob(row, 'entry'),
      hash: blob(row, 'hash'),
      atMs: integer(row, 'at_ms'),
    }));
  },
  logPlace: async (hash) => placeOf(db, hash),
  async logNode(level, index) {
    const row = await db.get(
      'SELECT hash FROM log_node WHERE tenant = ? AND level = ? AND place = ?',
      ...[db.tenant, level, index],
    );
    if (row === undefined) throw new RangeError(`expected a full node at ${level}/${index}, found none`);
    return blob(row, 'hash');
  },
});

async function sizeOf(sql: Sql): Promise<number> {
  const last = 'SELECT number FROM log_entry WHERE tenant = ? ORDER BY number DESC LIMIT 1';
  const row = await sql.get(last, sql.tenant);
  return row === undefined ? 0 : integer(row, 'number') + 1;
}

async function placeOf(sql: Sql, hash: Uint8Array): Promise<number | undefined> {
  const row = await sql.get('SELECT number FROM log_entry WHERE tenant = ? AND hash = ?', sql.tenant, hash);
  return row === undefined ? undefined : integer(row, 'number');
}
