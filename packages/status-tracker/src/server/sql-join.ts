/** How devices become members of campaigns, in SQL: a page of a class at a time, or as they change. */
import { draw } from '../policy/draw.ts';
import { belonging } from './attributes.ts';
import type { CampaignView } from './campaign.ts';
import { isOpen } from './campaign.ts';
import type { DeviceView } from './fleet.ts';
import { standing } from './fleet.ts';
import type { Batch, Sql, SqlValue } from './sql.ts';
import { campaignIn, openStates, rejection } from './sql-campaigns.ts';
import { campaignOf, deviceOf } from './sql-rows.ts';
import { asleepMs } from './sql-turns.ts';
import type { FleetStore, Page } from './store.ts';
import { plannerActor } from './store.ts';

export function joinMethods(db: Sql) {
  return {
    join: async (id, page, atMs) => db.transaction(async (sql) => join(sql, id, page, atMs)),
    joinOpen: async (device, atMs) => db.transaction(async (sql) => joinOpen(sql, device, atMs)),
  } satisfies Partial<FleetStore>;
}

async function join(
  sql: Sql,
  id: string,
  { after = '', limit }: Page,
  atMs: number,
): Promise<string | undefined> {
  const view = await campaignIn(sql, id);
  if (view === undefined) return undefined;
  const page = await sql.all(
    `SELECT * FROM device WHERE tenant = ? AND vendor = ? AND class = ? AND approval = 'approved' AND id > ?
     ORDER BY id LIMIT ?`,
    ...[sql.tenant, view.campaign.vendor, view.campaign.class, after, limit],
  );
  const devices = page.map(deviceOf);
  await admit(sql, view, devices, atMs);
  return devices.length < limit ? undefined : devices.at(-1)?.id;
}

/** Devices become members of a campaign that is for them, and stay so. */
export async function admit(sql: Sql, view: CampaignView, devices: readonly DeviceView[], atMs: number) {
  const rows: SqlValue[][] = [];
  const heardSinceMs = atMs - view.campaign.silenceMsMax;
  for (const { id, inventory, lastSeenMs = 0 } of devices.filter(
    (each) => belonging(view.campaign, each) === 'meant',
  )) {
    // Without a word of the device's, it has refused nothing either.
    const rejected = inventory === undefined ? undefined : await rejection(sql, id, view.target.digest);
    const { status, because } = standing(inventory, view.target, rejected);
    const lookMs = inventory === undefined || lastSeenMs < heardSinceMs ? asleepMs : 0;
    rows.push([id, draw(view.id, id), status, because ?? null, lookMs]);
  }
  const columns = {
    ...{ device: 'text', place: 'integer', status: 'text', because: 'text', look_ms: 'integer' },
  } as const satisfies Batch['columns'];
  await sql.runBatch(
    `INSERT INTO member (tenant, campaign, device, actor, place, status, generation, changed_ms, because,
       look_ms)
     SELECT ?1, ?2, device, ?3, place, status, 0, ?4, because, look_ms FROM batch() WHERE true
     ON CONFLICT DO NOTHING`,
    { columns, rows },
    ...[sql.tenant, view.id, plannerActor, atMs],
  );
}

/** Into every open campaign that is for the device and that it has no place in yet. */
export async function joinOpen(sql: Sql, id: string, atMs: number): Promise<void> {
  const row = await sql.get('SELECT * FROM device WHERE tenant = ? AND id = ?', sql.tenant, id);
  if (row === undefined) return;
  const views = await sql.all(
    `SELECT * FROM campaign WHERE tenant = ?1 AND state IN ${openStates} AND NOT EXISTS
       (SELECT 1 FROM member WHERE member.tenant = ?1 AND member.campaign = campaign.id AND device = ?2)
     ORDER BY id`,
    ...[sql.tenant, id],
  );
  for (const view of views.map(campaignOf)) {
    if (isOpen(view, atMs)) await admit(sql, view, [deviceOf(row)], atMs);
  }
}
