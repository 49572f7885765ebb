/** Tokens of operators and the audit, in SQL. */
import { auditMethods, writeAudit } from './sql-audit.ts';
import type { Sql } from './sql.ts';
import { blob, integer, text } from './sql-rows.ts';
import type { FleetStore } from './store.ts';
import { rolesOf } from './store.ts';

export function accessMethods(db: Sql) {
  const { tenant } = db;
  return {
    addGrant: async ({ hash, name, roles, createdMs }, by) =>
      db.transaction(async (sql) => {
        await sql.run(
          'INSERT INTO access_grant (tenant, name, actor, hash, roles, created_ms) VALUES (?, ?, ?, ?, ?, ?)',
          ...[tenant, name, by.actor, hash, roles.join(' '), createdMs],
        );
        await sql.tell([{ kind: 'tokens' }]);
        await writeAudit(sql, { ...by, act: 'token granted', subject: name, detail: roles.join(', ') });
      }),
    removeGrant: async (name, by) =>
      db.transaction(async (sql) => {
        const removed = await sql.run('DELETE FROM access_grant WHERE tenant = ? AND name = ?', tenant, name);
        if (removed === 0) return false;
        await sql.tell([{ kind: 'tokens' }]);
        await writeAudit(sql, { ...by, act: 'token revoked', subject: name });
        return true;
      }),
    async grants() {
      const rows = await db.all('SELECT * FROM access_grant WHERE tenant = ?', tenant);
      return rows.map((row) => ({
        hash: blob(row, 'hash'),
        name: text(row, 'name'),
        roles: rolesOf(text(row, 'roles').split(' ')),
        createdMs: integer(row, 'created_ms'),
      }));
    },
    ...auditMethods(db),
  } satisfies Partial<FleetStore>;
}
