/**
 * A fleet of any size in an SQLite file, of which all devices wait in one campaign and only some were heard
 * of of late. Its rows are copies of one that the store has written: a million of them take seconds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FleetStore } from '../src/index.ts';
import { createSqliteStore } from '../src/index.ts';
import { drawEnd } from '../src/policy/draw.ts';
import { asleepMs } from '../src/server/sql-turns.ts';
import { addSeen, c1, newCampaign } from '../test/fleet-fixtures.ts';
import { startMs } from '../test/world.ts';

export interface LargeFleet {
  readonly store: FleetStore;
  close(): Promise<void>;
}

/** @param online how many of them are heard of: everywhere in the order of the draw. */
export async function largeFleet(devices: number, online: number): Promise<LargeFleet> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  const path = join(folder, 'fleet.sqlite');
  const first = createSqliteStore({ path });
  await addSeen(first, 'lamp-0');
  await first.addCampaign(await newCampaign('c1'));
  await first.join(c1, { limit: 10 }, startMs);
  await first.close();
  copyRows(path, devices, Math.ceil(devices / online));
  const store = createSqliteStore({ path });
  return {
    store,
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Every so many-th is online; the others were never heard of again. */
function copyRows(path: string, devices: number, every: number): void {
  const db = new DatabaseSync(path);
  const online = (yes: number, no: number) => `iif(n % ${every} = 0, ${yes}, ${no})`;
  const id = `printf('lamp-%07d', n)`;
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN');
    const seen = online(startMs, 0);
    copy(db, 'device', devices - 1, { id, kid: `unhex(printf('%064x', n))`, last_seen_ms: seen });
    const place = `(n * 2654435761) % ${drawEnd}`;
    copy(db, 'member', devices - 1, { device: id, place, look_ms: online(0, asleepMs) });
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** Copies the one row of a table, each copy with values of its own by its number. */
function copy(db: DatabaseSync, table: string, count: number, own: Readonly<Record<string, string>>): void {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all(table);
  const names = columns.map(({ name }) => String(name));
  const values = names.map((name) => own[name] ?? `first.${name}`);
  db.prepare(
    `WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
     INSERT INTO ${table} (${names.join(', ')})
     SELECT ${values.join(', ')} FROM number CROSS JOIN (SELECT * FROM ${table} LIMIT 1) AS first`,
  ).run(count);
}
