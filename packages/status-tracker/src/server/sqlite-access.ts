/** Tokens of operators and the audit, in SQLite. */
import type { Database } from './sqlite-database.ts';
import type { Row } from './sqlite-rows.ts';
import { blob, has, integer, text } from './sqlite-rows.ts';
import type { AuditEntry, FleetStore } from './store.ts';
import { rolesOf } from './store.ts';

export function accessMethods(db: Database) {
  const { tenant } = db;
  return {
    addGrant: async ({ hash, name, roles, createdMs }, by) =>
      db.transaction(() => {
        db.run(
          'INSERT INTO access_grant (tenant, name, actor, hash, roles, created_ms) VALUES (?, ?, ?, ?, ?, ?)',
          ...[tenant, name, by.actor, hash, roles.join(' '), createdMs],
        );
        writeAudit(db, { ...by, act: 'token granted', subject: name, detail: roles.join(', ') });
      }),
    removeGrant: async (name, by) =>
      db.transaction(() => {
        if (db.run('DELETE FROM access_grant WHERE tenant = ? AND name = ?', tenant, name) === 0)
          return false;
        writeAudit(db, { ...by, act: 'token revoked', subject: name });
        return true;
      }),
    grants: async () =>
      db.all('SELECT * FROM access_grant WHERE tenant = ?', tenant).map((row) => ({
        hash: blob(row, 'hash'),
        name: text(row, 'name'),
        roles: rolesOf(text(row, 'roles').split(' ')),
        createdMs: integer(row, 'created_ms'),
      })),
    appendAudit: async (batch) =>
      db.transaction(() => {
        for (const entry of batch) writeAudit(db, entry);
      }),
    audit: async (limit) =>
      db.all('SELECT * FROM audit WHERE tenant = ? ORDER BY number DESC LIMIT ?', tenant, limit).map(entryOf),
  } satisfies Partial<FleetStore>;
}

export function writeAudit(db: Database, { actor, atMs, act, subject, detail }: AuditEntry): void {
  db.run(
    'INSERT INTO audit (tenant, actor, at_ms, act, subject, detail) VALUES (?, ?, ?, ?, ?, ?)',
    ...[db.tenant, actor, atMs, act, subject, detail ?? null],
  );
}

const entryOf = (row: Row): AuditEntry => ({
  actor: text(row, 'actor'),
  atMs: integer(row, 'at_ms'),
  act: text(row, 'act'),
  subject: text(row, 'subject'),
  ...(has(row, 'detail') ? { detail: text(row, 'detail') } : {}),
});
