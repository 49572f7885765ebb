/** Sessions that begin, in SQL: those of one moment by one statement. */
import type { Batch, Sql } from './sql.ts';
import { inLockOrder, oncePerDevice } from './sql.ts';
import { statementBytes, text } from './sql-rows.ts';
import { wake } from './sql-turns.ts';
import type { NewSession } from './store.ts';

export async function startSessions(sql: Sql, batch: readonly NewSession[]): Promise<readonly boolean[]> {
  const begun = new Set<string>();
  // Of a device that registers twice in one moment, the later session stands.
  for (const part of oncePerDevice(batch)) for (const device of await start(sql, part)) begun.add(device);
  await wake(sql, [...begun]);
  await sql.tell([...begun].map((device) => ({ kind: 'session', device })));
  return batch.map(({ device }) => begun.has(device));
}

/** A device may be retired while it registers. @returns those that have a session now. */
async function start(sql: Sql, batch: readonly NewSession[]): Promise<readonly string[]> {
  const rows = inLockOrder(batch, ({ device }) => device).map(
    ({ device, tokenHash, updateMode, statement, starts = null, atMs }) => [
      ...[device, updateMode, tokenHash, atMs],
      ...[statement === undefined ? null : statementBytes(statement), starts],
    ],
  );
  const begun = await sql.allBatch(
    `UPDATE device SET update_mode = batch.update_mode, token_hash = batch.token_hash,
       session_started_ms = batch.at_ms, counter = 0, last_seen_ms = batch.at_ms,
       statement = batch.statement, starts = coalesce(batch.starts, device.starts)
     FROM batch() WHERE device.tenant = ?1 AND device.id = batch.device AND device.approval <> 'retired'
     RETURNING device.id AS id`,
    { columns, rows },
    sql.tenant,
  );
  return begun.map((row) => text(row, 'id'));
}

const columns = {
  ...{ device: 'text', update_mode: 'text', token_hash: 'blob', at_ms: 'integer' },
  ...{ statement: 'blob', starts: 'integer' },
} as const satisfies Batch['columns'];
