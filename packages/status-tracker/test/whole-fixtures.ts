/** Stores with a fleet in them, to be moved and kept, and what is in them, table by table. */
import assert from 'node:assert/strict';
import { systemRandom } from '@lapel/transport';
import type { FleetStore } from '../src/index.ts';
import { fleetTables, pagesOf } from '../src/server/whole/index.ts';
import type { WholeStore } from '../src/server/whole/index.ts';
import { createWorld } from './world.ts';

/** Some that are updated, one that failed, one that waits; tokens that were granted and revoked. */
export async function fill(store: FleetStore, prefix = ''): Promise<void> {
  const world = await createWorld({ store, random: systemRandom });
  const lamps = await world.lamps(5);
  for (const name of ['anna', 'ben'])
    await world.tracker.access.grant(`${prefix}${name}`, ['viewer'], 'test');
  await world.tracker.access.revoke(`${prefix}ben`, 'test');
  await world.tracker.desk.start(world.campaign('c1', 2, { inFlightMax: 4, failureRateMax: 1000 }), 'test');
  await world.tracker.tick();
  for (const lamp of lamps.slice(0, 2)) await lamp.update();
  const offer = await lamps[2]?.client.poll();
  if (offer !== undefined) await lamps[2]?.client.report(lamps[2].report(offer, 'condition-failed'));
  await world.tracker.close();
}

/** Every row of every table, in the order of their keys. */
export async function rowsOf(store: WholeStore): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const table of fleetTables) {
    const columns = await store.columnsOf(table.name);
    const rows: unknown[] = [];
    for await (const page of pagesOf(store.sql, table, columns)) rows.push(...page);
    tables[table.name] = { columns, rows };
  }
  const counts = `SELECT tenant, campaign, status, sum(count) AS count FROM member_count
    GROUP BY tenant, campaign, status HAVING sum(count) <> 0`;
  const counted = (await store.sql.all(counts)).map((row) => JSON.stringify({ ...row }));
  return { ...tables, counts: counted.toSorted() };
}

export async function assertSame(one: WholeStore, other: WholeStore): Promise<void> {
  const [expected, found] = [await rowsOf(one), await rowsOf(other)];
  for (const [table, rows] of Object.entries(expected)) assert.deepEqual(found[table], rows, table);
}
