/** Sessions that begin, in SQL: those of one moment by one statement. */
import type { Batch, Sql } from './sql.ts';
import { inLockOrder, oncePerDevice } from './sql.ts';
import { statementBytes } from './sql-rows.ts';
import { wake } from './sql-turns.ts';
import type { NewSession } from './store.ts';

export async function startSessions(sql: Sql, batch: readonly NewSession[]): Promise<void> {
  // Of a device that registers twice in one moment, the later session stands.
  for (const part of oncePerDevice(batch)) await start(sql, part);
  const devices = batch.map(({ device }) => device);
  await wake(sql, devices);
  await sql.tell(devices.map((device) => ({ kind: 'session', device })));
}

async function start(sql: Sql, batch: readonly NewSession[]): Promise<void> {
  const rows = inLockOrder(batch, ({ device }) => device).map(
    ({ device, tokenHash, updateMode, statement, starts = null, atMs }) => [
      ...[device, updateMode, tokenHash, atMs],
      ...[statement === undefined ? null : statementBytes(statement), starts],
    ],
  );
  await sql.runBatch(
    `UPDATE device SET update_mode = batch.update_mode, token_hash = batch.token_hash,
       session_started_ms = batch.at_ms, counter = 0, last_seen_ms = batch.at_ms,
       statement = batch.statement, starts = coalesce(batch.starts, device.starts)
     FROM batch() WHERE device.tenant = ?1 AND device.id = batch.device`,
    { columns, rows },
    sql.tenant,
  );
}

const columns = {
  ...{ device: 'text', update_mode: 'text', token_hash: 'blob', at_ms: 'integer' },
  ...{ statement: 'blob', starts: 'integer' },
} as const satisfies Batch['columns'];
