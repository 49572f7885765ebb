/** What operators have said of the newest releases, in SQL. */
import type { Row, Sql } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { blob, integer } from './sql-rows.ts';
import type { Newest, NewestStore } from './newest-store.ts';
import { actOf, overtakes } from './newest-store.ts';

export const statementMethods = (db: Sql): NewestStore => ({
  keepNewest: async (newest, by) =>
    db.transaction(async (sql) => {
      const { vendor, class: product, digest, sequenceNumber, createdMs, expiresMs } = newest;
      const known = 'SELECT * FROM newest_release WHERE tenant = ? AND vendor = ? AND class = ?';
      const row = await sql.get(known, sql.tenant, vendor, product);
      if (row !== undefined && !overtakes(newest, newestOf(row))) return false;
      await sql.run(
        `INSERT INTO newest_release (tenant, vendor, class, actor, digest, manifest_digest, sequence_number,
           created_ms, expires_ms, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, vendor, class) DO UPDATE SET actor = excluded.actor, digest = excluded.digest,
           manifest_digest = excluded.manifest_digest, sequence_number = excluded.sequence_number,
           created_ms = excluded.created_ms, expires_ms = excluded.expires_ms, signed = excluded.signed`,
        ...[sql.tenant, vendor, product, by.actor, digest, newest.manifestDigest, sequenceNumber],
        ...[createdMs, expiresMs, newest.signed],
      );
      await sql.tell([{ kind: 'newest' }]);
      await writeAudit(sql, actOf(newest, by));
      return true;
    }),
  async newest() {
    const rows = await db.all(
      'SELECT * FROM newest_release WHERE tenant = ? ORDER BY vendor, class',
      db.tenant,
    );
    return rows.map(newestOf);
  },
});

const newestOf = (row: Row): Newest => ({
  vendor: blob(row, 'vendor'),
  class: blob(row, 'class'),
  manifestDigest: blob(row, 'manifest_digest'),
  sequenceNumber: integer(row, 'sequence_number'),
  createdMs: integer(row, 'created_ms'),
  expiresMs: integer(row, 'expires_ms'),
  digest: blob(row, 'digest'),
  signed: blob(row, 'signed'),
});
