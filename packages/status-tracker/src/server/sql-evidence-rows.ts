/** What check-ins and reports leave in the tables of evidence and of devices: many rows by one statement. */
import { digest } from '@lapel/cose';
import type { DeviceView } from './fleet.ts';
import { runningVersion } from './fleet.ts';
import type { Batch, Sql } from './sql.ts';
import { inLockOrder } from './sql.ts';
import { inventoryBytes } from './sql-rows.ts';
import type { Evidence } from './store.ts';

export async function writeEvidence(sql: Sql, said: readonly Evidence[]): Promise<void> {
  const rows = said.map(({ kind, atMs, device, campaign = null, outcome, replay, signed }) => [
    ...[device, kind, digest('sha-256', signed), atMs, campaign, outcome, replay?.end ?? null],
    ...[replay === undefined || replay.end === 'plausible' ? null : replay.because, signed],
  ]);
  await sql.runBatch(
    `INSERT INTO report (tenant, actor, kind, hash, at_ms, campaign, outcome, replay, replay_because, signed)
     SELECT ?1, device, kind, hash, at_ms, campaign, outcome, replay, replay_because, signed FROM batch()`,
    { columns: evidenceColumns, rows },
    sql.tenant,
  );
}

const evidenceColumns = {
  ...{ device: 'text', kind: 'text', hash: 'blob', at_ms: 'integer', campaign: 'text', outcome: 'text' },
  ...{ replay: 'text', replay_because: 'text', signed: 'blob' },
} as const satisfies Batch['columns'];

/** All that a check-in changes in its device. */
export async function writeToldDevices(sql: Sql, devices: readonly DeviceView[]): Promise<void> {
  const rows = inLockOrder(devices, idOf).map(({ id, inventory, session, lastSeenMs, lastError }) => [
    ...[id, inventory === undefined ? null : inventoryBytes(inventory), inventory?.atMs ?? null],
    ...[inventory === undefined ? null : runningVersion(inventory), inventory?.state ?? null],
    ...[session?.counter ?? null, lastSeenMs ?? null, lastError ?? null],
  ]);
  await sql.runBatch(
    `UPDATE device SET inventory = batch.inventory, inventory_ms = batch.inventory_ms,
       version = batch.version, state = batch.state, counter = batch.counter,
       last_seen_ms = batch.last_seen_ms, last_error = batch.last_error
     FROM batch() WHERE device.tenant = ?1 AND device.id = batch.device`,
    { columns: toldColumns, rows },
    sql.tenant,
  );
}

const toldColumns = {
  ...{ device: 'text', inventory: 'blob', inventory_ms: 'integer', version: 'text', state: 'text' },
  ...{ counter: 'integer', last_seen_ms: 'integer', last_error: 'text' },
} as const satisfies Batch['columns'];

/** All that a report changes in its device. */
export async function writeLastWords(sql: Sql, devices: readonly DeviceView[]): Promise<void> {
  await sql.runBatch(
    `UPDATE device SET last_seen_ms = batch.last_seen_ms, last_error = batch.last_error
     FROM batch() WHERE device.tenant = ?1 AND device.id = batch.device`,
    {
      columns: { device: 'text', last_seen_ms: 'integer', last_error: 'text' },
      rows: inLockOrder(devices, idOf).map(({ id, lastSeenMs = null, lastError = null }) => [
        id,
        lastSeenMs,
        lastError,
      ]),
    },
    sql.tenant,
  );
}

const idOf = ({ id }: DeviceView): string => id;
