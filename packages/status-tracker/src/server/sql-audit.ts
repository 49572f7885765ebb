/** The audit in SQL. */
import { linked, nameOfActor } from '../transparency/audit-chain.ts';
import type { AuditEntry, AuditStore } from './audit.ts';
import type { Row, Sql } from './sql.ts';
import { blob, has, integer, text } from './sql-rows.ts';

const insertSql = `INSERT INTO audit (tenant, actor, at_ms, act, subject, detail, place, roles, hash)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** In a transaction. Where two add to one chain at once, one of them is made again. */
export async function writeAudit(sql: Sql, { isApart, ...entry }: AuditEntry): Promise<void> {
  const { actor, atMs, act, subject, detail } = entry;
  const told = [sql.tenant, actor, atMs, act, subject, detail ?? null] as const;
  if (isApart === true) {
    await sql.run(insertSql, ...told, null, null, null);
    return;
  }
  const last = await sql.get(
    `SELECT place, hash FROM audit WHERE tenant = ? AND place IS NOT NULL ORDER BY place DESC LIMIT 1`,
    sql.tenant,
  );
  const grant = await sql.get(
    'SELECT roles FROM access_grant WHERE tenant = ? AND name = ?',
    ...[sql.tenant, nameOfActor(actor)],
  );
  const before = last === undefined ? undefined : { hash: blob(last, 'hash') };
  const number = last === undefined ? 0 : integer(last, 'place') + 1;
  const roles = grant === undefined ? '' : text(grant, 'roles');
  const { hash } = linked(before, { ...entry, roles, number });
  await sql.run(insertSql, ...told, number, roles, hash);
}

export const auditMethods = (db: Sql): AuditStore => ({
  appendAudit: async (batch) =>
    db.transaction(async (sql) => {
      for (const entry of batch) await writeAudit(sql, entry);
    }),
  async audit(limit) {
    const newestFirst = 'SELECT * FROM audit WHERE tenant = ? ORDER BY number DESC LIMIT ?';
    return (await db.all(newestFirst, db.tenant, limit)).map(entryOf);
  },
  async auditChain(from, limit) {
    const oldestFirst = 'SELECT * FROM audit WHERE tenant = ? AND place >= ? ORDER BY place LIMIT ?';
    return (await db.all(oldestFirst, db.tenant, from, limit)).map((row) => ({
      ...entryOf(row),
      number: integer(row, 'place'),
      roles: text(row, 'roles'),
      hash: blob(row, 'hash'),
    }));
  },
});

const entryOf = (row: Row): AuditEntry => ({
  actor: text(row, 'actor'),
  atMs: integer(row, 'at_ms'),
  act: text(row, 'act'),
  subject: text(row, 'subject'),
  ...(has(row, 'detail') ? { detail: text(row, 'detail') } : {}),
});
