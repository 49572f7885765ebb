/** Campaigns and their members, in SQL. */
import { hex } from '@lapel/cbor';
import { urgencies } from '../protocol.ts';
import { approved } from './approve.ts';
import type { AcceptedOrder, CampaignView } from './campaign.ts';
import { isNewer, isOpen, noCampaign, ordered } from './campaign.ts';
import { afterRetry } from './member-moves.ts';
import type { Member, MemberStatus, Totals } from './fleet.ts';
import { passingFailures, standing, totalsOf } from './fleet.ts';
import type { Approving } from './persons.ts';
import type { Batch, Sql } from './sql.ts';
import { inLockOrder } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import {
  campaignOf,
  componentsBytes,
  has,
  integer,
  inventoryOf,
  memberOf,
  progressBytes,
  statusOf,
  text,
} from './sql-rows.ts';
import type { Act, FleetStore } from './store.ts';

export const openStates = `('proposed', 'running', 'paused', 'completed')`;

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
      const text = `SELECT * FROM campaign WHERE tenant = ? AND state IN ${openStates}`;
      const views = (await db.all(text, tenant)).map(campaignOf).filter((view) => isOpen(view, nowMs));
      return views.toSorted((a, b) => (isNewer(a, b) ? -1 : 1));
    },
    approveCampaign: async (id, voice, by) =>
      db.transaction(async (sql) => approveCampaign(sql, id, voice, by)),
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
  const { id, actor, signed, campaign, acceptedMs, target, uri, state, generation, orderNumber } = view;
  const { forgiven, judged } = view;
  const added = await sql.run(
    `INSERT INTO campaign (tenant, id, actor, signed, created_ms, expires_ms, accepted_ms, digest,
       sequence_number, image_bytes, components, uri, state, generation, order_number,
       forgiven_finished, forgiven_failed, progress, urgency,
       urgency_because)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[sql.tenant, id, actor, signed, campaign.created, campaign.expires, acceptedMs],
    ...[target.digest, target.sequenceNumber, target.imageBytes, componentsBytes(target.components), uri],
    ...[state, generation, orderNumber, forgiven.finished, forgiven.failed],
    ...[progressBytes(view.progress), urgencies[judged.urgency], judged.because],
  );
  if (added === 0) return false;
  await sql.tell([{ kind: 'campaign', id, atMs: acceptedMs }]);
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
  if (order.order === 'retry') await retry(sql, before, by);
  await sql.tell([{ kind: 'campaign', id, atMs: by.atMs }]);
  const detail = `order ${order.number}`;
  await writeAudit(sql, { ...by, act: `campaign ${after.state}`, subject: id, detail });
  return after;
}

/** All that may change in a campaign; what was signed never does. */
export async function updateCampaign(sql: Sql, view: CampaignView): Promise<void> {
  await sql.run(
    `UPDATE campaign SET state = ?, because = ?, generation = ?, order_number = ?, forgiven_finished = ?,
       forgiven_failed = ?, progress = ? WHERE tenant = ? AND id = ?`,
    ...[view.state, view.because ?? null, view.generation, view.orderNumber],
    ...[view.forgiven.finished, view.forgiven.failed, progressBytes(view.progress), sql.tenant, view.id],
  );
}

async function approveCampaign(sql: Sql, id: string, voice: Approving, by: Act): Promise<CampaignView> {
  const before = await campaignIn(sql, id);
  if (before === undefined) throw noCampaign(id);
  const after = approved(before, voice);
  if (after === before) return before;
  await updateCampaign(sql, after);
  await sql.tell([{ kind: 'campaign', id, atMs: by.atMs }]);
  await writeAudit(sql, { ...by, act: 'campaign approved', subject: id, detail: voice.person });
  return after;
}

async function retry(sql: Sql, { id, target }: CampaignView, by: Act): Promise<void> {
  const rows = await sql.all(
    `SELECT member.*, device.inventory AS inventory, device.inventory_ms AS inventory_ms
     FROM member INDEXED BY member_by_turn
     JOIN device ON device.tenant = member.tenant AND device.id = member.device
     WHERE member.tenant = ? AND member.campaign = ? AND member.status IN ('failed', 'reverted', 'given-up')`,
    ...[sql.tenant, id],
  );
  const tried = rows.flatMap((row) => {
    const before = memberOf(row);
    const member = afterRetry(before, standing(inventoryOf(row).inventory, target, undefined), by.atMs);
    return member === before ? [] : [{ member, actor: by.actor }];
  });
  await writeMembers(sql, tried);
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
  return refusalAmong(rows.map((row) => (has(row, 'because') ? text(row, 'because') : '')));
}

/** Of the reasons why a device failed with one manifest, the first that speaks against it for good. */
export const refusalAmong = (reasons: readonly string[]): string | undefined =>
  reasons.find((because) => !passingFailures.includes(because));

export async function totalsIn(sql: Sql, id: string): Promise<Totals> {
  const sums = `SELECT status, sum(count) AS count FROM member_count
    WHERE tenant = ? AND campaign = ? GROUP BY status`;
  const counts = new Map<MemberStatus, number>(
    (await sql.all(sums, sql.tenant, id)).map((row) => [statusOf(row), integer(row, 'count')]),
  );
  return totalsOf((status) => counts.get(status) ?? 0);
}

/** Rows that a count of members may consist of until they are summed up. */
const partsMax = 500;

/**
 * Where each movement is a row of its own, the planner's steps sum them up. Rows that others add meanwhile
 * are not seen, and stay.
 */
export async function sumUpMembers(sql: Sql, id: string): Promise<void> {
  const ofCampaign = 'WHERE tenant = ? AND campaign = ?';
  const parts = await sql.get(`SELECT count(*) AS parts FROM member_count ${ofCampaign}`, sql.tenant, id);
  if (integer(parts ?? {}, 'parts') <= partsMax) return;
  const removed = `DELETE FROM member_count ${ofCampaign} RETURNING status, count`;
  const sums = new Map<string, number>();
  for (const row of await sql.all(removed, sql.tenant, id)) {
    const status = text(row, 'status');
    sums.set(status, (sums.get(status) ?? 0) + integer(row, 'count'));
  }
  await sql.runBatch(
    'INSERT INTO member_count (tenant, campaign, status, count) SELECT ?1, ?2, status, count FROM batch()',
    { columns: { status: 'text', count: 'integer' }, rows: [...sums] },
    ...[sql.tenant, id],
  );
}

export interface MemberWrite {
  readonly member: Member;
  /** Whose word or step it was. */
  readonly actor: string;
  /** When the planner is to look at it next, where that is not told by the member itself. */
  readonly lookMs?: number;
}

export const writeMember = async (sql: Sql, member: Member, actor: string): Promise<void> =>
  writeMembers(sql, [{ member, actor }]);

export async function writeMembers(sql: Sql, writes: readonly MemberWrite[]): Promise<void> {
  const rows = inLockOrder(writes, ({ member }) => member.device).map(({ member, actor, lookMs }) => [
    ...[member.campaign, member.device, actor, member.status, member.generation, member.changedMs],
    ...[member.because ?? null, member.offer?.nonce ?? null, member.offer?.offeredMs ?? null],
    ...[member.offer?.expiresMs ?? null, member.notBeforeMs ?? 0],
    waits(member) ? (member.notBeforeMs ?? 0) : (lookMs ?? null),
  ]);
  await sql.runBatch(
    `UPDATE member SET actor = batch.actor, status = batch.status, generation = batch.generation,
       changed_ms = batch.changed_ms, because = batch.because, nonce = batch.nonce,
       offered_ms = batch.offered_ms, expires_ms = batch.expires_ms, not_before_ms = batch.not_before_ms,
       look_ms = coalesce(batch.look_ms, member.look_ms)
     FROM batch() WHERE member.tenant = ?1 AND member.campaign = batch.campaign
       AND member.device = batch.device`,
    { columns: memberColumns, rows },
    sql.tenant,
  );
}

const waits = ({ status }: Member): boolean => status === 'waiting' || status === 'reverted';

const memberColumns = {
  ...{ campaign: 'text', device: 'text', actor: 'text', status: 'text', generation: 'integer' },
  ...{ changed_ms: 'integer', because: 'text', nonce: 'blob', offered_ms: 'integer' },
  ...{ expires_ms: 'integer', not_before_ms: 'integer', look_ms: 'integer' },
} as const satisfies Batch['columns'];
