/** The transparency log in SQLite. */
import type { LogStore } from './log.ts';
import type { Database } from './sqlite-database.ts';
import { blob, integer } from './sqlite-rows.ts';

export const logMethods = (db: Database): LogStore => ({
  logSize: async () => sizeOf(db),
  appendLog: async (size, entries, nodes) =>
    db.transaction(() => {
      if (sizeOf(db) !== size || entries.some(({ hash }) => placeOf(db, hash) !== undefined)) return false;
      for (const [at, { entry, hash, atMs }] of entries.entries()) {
        db.run('INSERT INTO log_entry VALUES (?, ?, ?, ?, ?)', db.tenant, size + at, entry, hash, atMs);
      }
      for (const { level, index, hash } of nodes) {
        db.run('INSERT INTO log_node VALUES (?, ?, ?, ?)', db.tenant, level, index, hash);
      }
      return true;
    }),
  logEntries: async (from, limit) =>
    db
      .all(
        'SELECT entry, hash, at_ms FROM log_entry WHERE tenant = ? AND number >= ? ORDER BY number LIMIT ?',
        db.tenant,
        from,
        limit,
      )
      .map((row) => ({
        entry: blob(row, 'entry'),
        hash: blob(row, 'hash'),
        atMs: integer(row, 'at_ms'),
      })),
  logPlace: async (hash) => placeOf(db, hash),
  async logNode(level, index) {
    const row = db.get(
      'SELECT hash FROM log_node WHERE tenant = ? AND level = ? AND place = ?',
      db.tenant,
      level,
      index,
    );
    if (row === undefined) throw new RangeError(`expected a full node at ${level}/${index}, found none`);
    return blob(row, 'hash');
  },
});

function sizeOf(db: Database): number {
  const last = 'SELECT number FROM log_entry WHERE tenant = ? ORDER BY number DESC LIMIT 1';
  const row = db.get(last, db.tenant);
  return row === undefined ? 0 : integer(row, 'number') + 1;
}

function placeOf(db: Database, hash: Uint8Array): number | undefined {
  const row = db.get('SELECT number FROM log_entry WHERE tenant = ? AND hash = ?', db.tenant, hash);
  return row === undefined ? undefined : integer(row, 'number');
}
