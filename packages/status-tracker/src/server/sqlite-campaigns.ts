/** Campaigns and their members, in SQLite. */
import { hex } from '@lapel/cbor';
import type { CampaignView } from './campaign.ts';
import { isOpen, noCampaign, ordered } from './campaign.ts';
import type { Member, MemberStatus, Totals } from './fleet.ts';
import { draw, passingFailures, standing, totalsOf } from './fleet.ts';
import { writeAudit } from './sqlite-access.ts';
import type { Database } from './sqlite-database.ts';
import {
  campaignOf,
  componentsBytes,
  has,
  integer,
  inventoryOf,
  memberOf,
  statusOf,
  text,
} from './sqlite-rows.ts';
import type { AcceptedOrder } from './campaign.ts';
import type { Act, FleetStore } from './store.ts';
import { plannerActor } from './store.ts';

export function campaignMethods(db: Database) {
  const { tenant } = db;
  return {
    addCampaign: async (view) => db.transaction(() => addCampaign(db, view)),
    applyOrder: async (accepted, by) => db.transaction(() => applyOrder(db, accepted, by)),
    campaign: async (id) => campaignIn(db, id),
    async campaigns(limit) {
      const sql = 'SELECT * FROM campaign WHERE tenant = ? ORDER BY created_ms DESC, id DESC LIMIT ?';
      return db.all(sql, tenant, limit).map(campaignOf);
    },
    async openCampaigns(nowMs) {
      const sql = `SELECT * FROM campaign WHERE tenant = ? AND state IN ('running', 'paused', 'completed')
        ORDER BY created_ms DESC, id DESC`;
      return db
        .all(sql, tenant)
        .map(campaignOf)
        .filter((view) => isOpen(view, nowMs));
    },
    join: async (id, atMs) => db.transaction(() => join(db, id, atMs)),
    totals: async (id) => totalsIn(db, id),
    async member(campaign, device) {
      const sql = 'SELECT * FROM member WHERE tenant = ? AND campaign = ? AND device = ?';
      const row = db.get(sql, tenant, campaign, device);
      return row === undefined ? undefined : memberOf(row);
    },
    async members(campaign, status, { after = '', limit }) {
      const sql = `SELECT * FROM member
        WHERE tenant = ? AND campaign = ? AND device > ? AND status = ifnull(?, status)
        ORDER BY device LIMIT ?`;
      return db.all(sql, tenant, campaign, after, status ?? null, limit).map(memberOf);
    },
  } satisfies Partial<FleetStore>;
}

export function campaignIn(db: Database, id: string): CampaignView | undefined {
  const row = db.get('SELECT * FROM campaign WHERE tenant = ? AND id = ?', db.tenant, id);
  return row === undefined ? undefined : campaignOf(row);
}

function addCampaign(db: Database, view: CampaignView): boolean {
  const { id, actor, signed, campaign, acceptedMs, target, uri, state, generation, orderNumber, forgiven } =
    view;
  const added = db.run(
    `INSERT INTO campaign (tenant, id, actor, signed, created_ms, expires_ms, accepted_ms, digest,
       sequence_number, image_bytes, components, uri, state, generation, order_number,
       forgiven_finished, forgiven_failed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[db.tenant, id, actor, signed, campaign.created, campaign.expires, acceptedMs],
    ...[target.digest, target.sequenceNumber, target.imageBytes, componentsBytes(target.components), uri],
    ...[state, generation, orderNumber, forgiven.finished, forgiven.failed],
  );
  if (added === 0) return false;
  writeAudit(db, { actor, atMs: acceptedMs, act: 'campaign started', subject: id, detail: campaign.name });
  return true;
}

function applyOrder(db: Database, { order }: AcceptedOrder, by: Act): CampaignView {
  const id = hex(order.campaign);
  const before = campaignIn(db, id);
  if (before === undefined) throw noCampaign(id);
  const after = ordered(before, order, totalsIn(db, id));
  updateCampaign(db, after);
  writeAudit(db, { ...by, act: `campaign ${after.state}`, subject: id, detail: `order ${order.number}` });
  return after;
}

/** All that may change in a campaign; what was signed never does. */
export function updateCampaign(db: Database, view: CampaignView): void {
  db.run(
    `UPDATE campaign SET state = ?, because = ?, generation = ?, order_number = ?, forgiven_finished = ?,
       forgiven_failed = ? WHERE tenant = ? AND id = ?`,
    ...[view.state, view.because ?? null, view.generation, view.orderNumber],
    ...[view.forgiven.finished, view.forgiven.failed, db.tenant, view.id],
  );
}

function join(db: Database, id: string, atMs: number): number {
  const view = campaignIn(db, id);
  if (view === undefined) return 0;
  const joining = db.all(
    `SELECT id, inventory, inventory_ms FROM device
     WHERE tenant = ? AND vendor = ? AND class = ? AND approval = 'approved' AND NOT EXISTS
       (SELECT 1 FROM member
        WHERE member.tenant = device.tenant AND campaign = ? AND member.device = device.id)`,
    ...[db.tenant, view.campaign.vendor, view.campaign.class, id],
  );
  for (const row of joining) {
    const device = text(row, 'id');
    const rejected = rejection(db, device, view.target.digest);
    const { status, because } = standing(inventoryOf(row).inventory, view.target, rejected);
    db.run(
      `INSERT INTO member (tenant, campaign, device, actor, place, status, generation, changed_ms, because)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)`,
      ...[db.tenant, id, device, plannerActor, draw(id, device), status, atMs, because ?? null],
    );
  }
  return joining.length;
}

/** A manifest that a device refused is not offered to it again, by whatever campaign. */
export function rejection(db: Database, device: string, manifestDigest: Uint8Array): string | undefined {
  const rows = db.all(
    `SELECT member.because FROM member INDEXED BY member_by_device
     JOIN campaign ON campaign.tenant = member.tenant AND campaign.id = member.campaign
     WHERE member.tenant = ? AND member.device = ? AND member.status = 'failed'
       AND campaign.digest = ?`,
    ...[db.tenant, device, manifestDigest],
  );
  return rows
    .map((row) => (has(row, 'because') ? text(row, 'because') : ''))
    .find((because) => !passingFailures.includes(because));
}

export function totalsIn(db: Database, id: string): Totals {
  const sql = 'SELECT status, count FROM member_count WHERE tenant = ? AND campaign = ?';
  const counts = new Map<MemberStatus, number>(
    db.all(sql, db.tenant, id).map((row) => [statusOf(row), integer(row, 'count')]),
  );
  return totalsOf((status) => counts.get(status) ?? 0);
}

/** @param actor whose word or step it was. */
export function writeMember(db: Database, member: Member, actor: string): void {
  const { campaign, device, status, generation, changedMs, because, offer } = member;
  db.run(
    `UPDATE member SET actor = ?, status = ?, generation = ?, changed_ms = ?, because = ?, nonce = ?,
       offered_ms = ?, expires_ms = ? WHERE tenant = ? AND campaign = ? AND device = ?`,
    ...[actor, status, generation, changedMs, because ?? null],
    ...[offer?.nonce ?? null, offer?.offeredMs ?? null, offer?.expiresMs ?? null],
    ...[db.tenant, campaign, device],
  );
}
