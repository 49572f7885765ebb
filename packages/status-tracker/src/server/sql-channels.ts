/** Secrets that are shared with devices, in SQL. */
import type { ChannelStore } from './channel-store.ts';
import { keptAct } from './channel-store.ts';
import type { Sql } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { blob, integer, text } from './sql-rows.ts';

export const sqlChannels = (db: Sql): ChannelStore => ({
  keepChannel: async ({ device, name, secret }, by) =>
    db.transaction(async (sql) => {
      const other = 'SELECT device FROM channel WHERE tenant = ? AND name = ? AND device <> ?';
      if ((await sql.get(other, sql.tenant, name, device)) !== undefined) return false;
      // The numbers go on, whatever the secret: it may be the one of before.
      await sql.run(
        `INSERT INTO channel (tenant, device, name, actor, secret, next_number, created_ms)
         VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (tenant, device) DO UPDATE SET name = excluded.name,
           actor = excluded.actor, secret = excluded.secret, created_ms = excluded.created_ms`,
        ...[sql.tenant, device, name, by.actor, secret, by.atMs],
      );
      await writeAudit(sql, { ...by, act: keptAct, subject: device });
      return true;
    }),
  async channel(name) {
    const row = await db.get('SELECT * FROM channel WHERE tenant = ? AND name = ?', db.tenant, name);
    if (row === undefined) return undefined;
    return { device: text(row, 'device'), name: text(row, 'name'), secret: blob(row, 'secret') };
  },
  takeNumbers: async (name, count, least) =>
    db.transaction(async (sql) => {
      const row = await sql.get(
        `UPDATE channel SET
           next_number = (CASE WHEN next_number < ?3 THEN ?3 ELSE next_number END) + ?4
         WHERE tenant = ?1 AND name = ?2 RETURNING next_number`,
        ...[sql.tenant, name, least, count],
      );
      return row === undefined ? undefined : integer(row, 'next_number') - count;
    }),
});
