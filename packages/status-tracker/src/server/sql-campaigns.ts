/** Campaigns and their members, in SQL. */
import { hex } from '@lapel/cbor';
import type { AcceptedOrder, CampaignView } from './campaign.ts';
import { isOpen, noCampaign, ordered } from './campaign.ts';
import type { Member, MemberStatus, Totals } from './fleet.ts';
import { draw, passingFailures, standing, totalsOf } from './fleet.ts';
import type { Sql, SqlValue } from './sql.ts';
import { writeAudit } from './sql-access.ts';
import {
  campaignOf,
  componentsBytes,
  has,
  integer,
  inventoryOf,
  memberOf,
  statusOf,
  text,
} from './sql-rows.ts';
import type { Act, FleetStore } from './store.ts';
import { plannerActor } from './store.ts';

export function campaignMethods(db: Sql) {
  const { tenant } = db;
  return {
    addCampaign: async (view) => db.transaction(async (sql) => addCampaign(sql, view)),
    applyOrder: async (accepted, by) => db.transaction(async (sql) => applyOrder(sql, accepted, by)),
    campaign: async (id) => campaignIn(db, id),
    async campaigns(limit) {
      const text = 'SELECT * FROM campaign WHERE tenant = ? ORDER BY created_ms DESC, id DESC LIMIT ?';
      return (await db.all(text, tenant, limit)).map(campaignOf);
    },
    async openCampaigns(nowMs) {
      const text = `SELECT * FROM campaign WHERE tenant = ? AND state IN ('running', 'paused', 'completed')
        ORDER BY created_ms DESC, id DESC`;
      return (await db.all(text, tenant)).map(campaignOf).filter((view) => isOpen(view, nowMs));
    },
    join: async (id, atMs) => db.transaction(async (sql) => join(sql, id, atMs)),
    totals: async (id) => totalsIn(db, id),
    async member(campaign, device) {
      const row = await memberRow(db, campaign, device);
      return row === undefined ? undefined : memberOf(row);
    },
    async members(campaign, status, { after = '', limit }) {
      const text = `SELECT * FROM member
        WHERE tenant = ? AND campaign = ? AND device > ? AND status = coalesce(?, status)
        ORDER BY device LIMIT ?`;
      return (await db.all(text, tenant, campaign, after, status ?? null, limit)).map(memberOf);
    },
  } satisfies Partial<FleetStore>;
}

export async function campaignIn(sql: Sql, id: string): Promise<CampaignView | undefined> {
  const row = await sql.get('SELECT * FROM campaign WHERE tenant = ? AND id = ?', sql.tenant, id);
  return row === undefined ? undefined : campaignOf(row);
}

export const memberRow = async (sql: Sql, campaign: string, device: string) =>
  sql.get(
    'SELECT * FROM member WHERE tenant = ? AND campaign = ? AND device = ?',
    ...[sql.tenant, campaign, device],
  );

async function addCampaign(sql: Sql, view: CampaignView): Promise<boolean> {
  const { id, actor, signed, campaign, acceptedMs, target, uri, state, generation, orderNumber, forgiven } =
    view;
  const added = await sql.run(
    `INSERT INTO campaign (tenant, id, actor, signed, created_ms, expires_ms, accepted_ms, digest,
       sequence_number, image_bytes, components, uri, state, generation, order_number,
       forgiven_finished, forgiven_failed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[sql.tenant, id, actor, signed, campaign.created, campaign.expires, acceptedMs],
    ...[target.digest, target.sequenceNumber, target.imageBytes, componentsBytes(target.components), uri],
    ...[state, generation, orderNumber, forgiven.finished, forgiven.failed],
  );
  if (added === 0) return false;
  const { name: detail } = campaign;
  await writeAudit(sql, { actor, atMs: acceptedMs, act: 'campaign started', subject: id, detail });
  return true;
}

async function applyOrder(sql: Sql, { order }: AcceptedOrder, by: Act): Promise<CampaignView> {
  const id = hex(order.campaign);
  const before = await campaignIn(sql, id);
  if (before === undefined) throw noCampaign(id);
  const after = ordered(before, order, await totalsIn(sql, id));
  await updateCampaign(sql, after);
  const detail = `order ${order.number}`;
  await writeAudit(sql, { ...by, act: `campaign ${after.state}`, subject: id, detail });
  return after;
}

/** All that may change in a campaign; what was signed never does. */
export async function updateCampaign(sql: Sql, view: CampaignView): Promise<void> {
  await sql.run(
    `UPDATE campaign SET state = ?, because = ?, generation = ?, order_number = ?, forgiven_finished = ?,
       forgiven_failed = ? WHERE tenant = ? AND id = ?`,
    ...[view.state, view.because ?? null, view.generation, view.orderNumber],
    ...[view.forgiven.finished, view.forgiven.failed, sql.tenant, view.id],
  );
}

async function join(sql: Sql, id: string, atMs: number): Promise<number> {
  const view = await campaignIn(sql, id);
  if (view === undefined) return 0;
  const joining = await sql.all(
    `SELECT id, inventory, inventory_ms FROM device
     WHERE tenant = ? AND vendor = ? AND class = ? AND approval = 'approved' AND NOT EXISTS
       (SELECT 1 FROM member
        WHERE member.tenant = device.tenant AND campaign = ? AND member.device = device.id)
     ORDER BY id`,
    ...[sql.tenant, view.campaign.vendor, view.campaign.class, id],
  );
  const rows: SqlValue[][] = [];
  for (const row of joining) {
    const device = text(row, 'id');
    const { inventory } = inventoryOf(row);
    // Without a word of the device's, it has refused nothing either.
    const rejected = inventory === undefined ? undefined : await rejection(sql, device, view.target.digest);
    const { status, because } = standing(inventory, view.target, rejected);
    rows.push([device, draw(id, device), status, because ?? null]);
  }
  const columns = { device: 'text', place: 'integer', status: 'text', because: 'text' } as const;
  return sql.runBatch(
    `INSERT INTO member (tenant, campaign, device, actor, place, status, generation, changed_ms, because)
     SELECT ?1, ?2, device, ?3, place, status, 0, ?4, because FROM batch() WHERE true ON CONFLICT DO NOTHING`,
    { columns, rows },
    ...[sql.tenant, id, plannerActor, atMs],
  );
}

/** A manifest that a device refused is not offered to it again, by whatever campaign. */
export async function rejection(
  sql: Sql,
  device: string,
  manifestDigest: Uint8Array,
): Promise<string | undefined> {
  const rows = await sql.all(
    `SELECT member.because FROM member INDEXED BY member_by_device
     JOIN campaign ON campaign.tenant = member.tenant AND campaign.id = member.campaign
     WHERE member.tenant = ? AND member.device = ? AND member.status = 'failed'
       AND campaign.digest = ?`,
    ...[sql.tenant, device, manifestDigest],
  );
  return rows
    .map((row) => (has(row, 'because') ? text(row, 'because') : ''))
    .find((because) => !passingFailures.includes(because));
}

export async function totalsIn(sql: Sql, id: string): Promise<Totals> {
  const sums = `SELECT status, sum(count) AS count FROM member_count
    WHERE tenant = ? AND campaign = ? GROUP BY status`;
  const counts = new Map<MemberStatus, number>(
    (await sql.all(sums, sql.tenant, id)).map((row) => [statusOf(row), integer(row, 'count')]),
  );
  return totalsOf((status) => counts.get(status) ?? 0);
}

/** @param actor whose word or step it was. */
export async function writeMember(sql: Sql, member: Member, actor: string): Promise<void> {
  const { campaign, device, status, generation, changedMs, because, offer } = member;
  await sql.run(
    `UPDATE member SET actor = ?, status = ?, generation = ?, changed_ms = ?, because = ?, nonce = ?,
       offered_ms = ?, expires_ms = ? WHERE tenant = ? AND campaign = ? AND device = ?`,
    ...[actor, status, generation, changedMs, because ?? null],
    ...[offer?.nonce ?? null, offer?.offeredMs ?? null, offer?.expiresMs ?? null],
    ...[sql.tenant, campaign, device],
  );
}
