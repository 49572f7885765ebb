/** Tokens of operators and the audit, in SQL. */
import type { Row, Sql } from './sql.ts';
import { blob, has, integer, text } from './sql-rows.ts';
import type { AuditEntry, FleetStore } from './store.ts';
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
    appendAudit: async (batch) =>
      db.transaction(async (sql) => {
        for (const entry of batch) await writeAudit(sql, entry);
      }),
    async audit(limit) {
      const newestFirst = 'SELECT * FROM audit WHERE tenant = ? ORDER BY number DESC LIMIT ?';
      return (await db.all(newestFirst, tenant, limit)).map(entryOf);
    },
  } satisfies Partial<FleetStore>;
}

export async function writeAudit(sql: Sql, { actor, atMs, act, subject, detail }: AuditEntry): Promise<void> {
  await sql.run(
    'INSERT INTO audit (tenant, actor, at_ms, act, subject, detail) VALUES (?, ?, ?, ?, ?, ?)',
    ...[sql.tenant, actor, atMs, act, subject, detail ?? null],
  );
}

const entryOf = (row: Row): AuditEntry => ({
  actor: text(row, 'actor'),
  atMs: integer(row, 'at_ms'),
  act: text(row, 'act'),
  subject: text(row, 'subject'),
  ...(has(row, 'detail') ? { detail: text(row, 'detail') } : {}),
});
