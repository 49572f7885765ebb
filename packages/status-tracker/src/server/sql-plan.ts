/** What the planner asks and what its steps do, in SQL. */
import type { CampaignView } from './campaign.ts';
import { urgencies } from '../protocol.ts';
import { afterMove, moved } from './evidence.ts';
import type { Change, Due, Member } from './fleet.ts';
import { changeOf } from './fleet.ts';
import { changeNews } from './news.ts';
import type { Row, Sql } from './sql.ts';
import { inOrderOf } from './sql.ts';
import { writeAudit } from './sql-access.ts';
import { campaignIn, memberRow, sumUpMembers, updateCampaign, writeMember } from './sql-campaigns.ts';
import { has, integer, memberOf, statementOf, statusOf, text } from './sql-rows.ts';
import type { Applied, FleetStore, LiveOffer, Move } from './store.ts';
import { liveOfferOf, plannerActor, stepped } from './store.ts';

const live = `('offered', 'fetching', 'installing', 'awaiting-confirmation')`;

export function planMethods(db: Sql) {
  const { tenant } = db;
  return {
    async due(id, nowMs, limit) {
      const view = await campaignIn(db, id);
      if (view === undefined) return [];
      const seenSince = nowMs - view.campaign.silenceMsMax;
      const waiting = await readyOf(db, view, 'waiting', nowMs, limit);
      const reverted = await readyOf(db, view, 'reverted', nowMs, limit - waiting.length);
      const silent = await db.all(silentSql, ...[tenant, id, seenSince, seenSince, limit]);
      return [...silent, ...waiting, ...reverted].map(dueOf);
    },
    applySteps: async (id, generation, moves, atMs) =>
      db.transaction(async (sql) => applySteps(sql, id, generation, moves, atMs)),
    async liveOffers(device) {
      const rows =
        device === undefined ? await db.all(liveSql, tenant) : await db.all(liveOfDeviceSql, tenant, device);
      return rows.flatMap((row) => liveOfferOf(memberOf(row)) ?? []);
    },
  } satisfies Partial<FleetStore>;
}

/** One that is frozen is offered nothing until an operator has decided. */
const approved = `device.tenant = member.tenant AND device.id = member.device
  AND device.approval = 'approved'`;

// CROSS JOIN and INDEXED BY tell SQLite, which has no statistics, in which order to look.
const liveSql = `
  SELECT member.* FROM campaign CROSS JOIN member INDEXED BY member_by_status CROSS JOIN device
  WHERE campaign.tenant = ? AND campaign.state = 'running'
    AND member.tenant = campaign.tenant AND member.campaign = campaign.id AND member.status IN ${live}
    AND ${approved}`;

const liveOfDeviceSql = `
  SELECT member.* FROM member INDEXED BY member_by_device CROSS JOIN campaign CROSS JOIN device
  WHERE member.tenant = ? AND member.device = ? AND member.status IN ${live}
    AND campaign.tenant = member.tenant AND campaign.id = member.campaign AND campaign.state = 'running'
    AND ${approved}`;

const silentSql = `
  SELECT member.device, member.status, member.offered_ms, member.place, device.last_seen_ms
  FROM member INDEXED BY member_by_status CROSS JOIN device
  WHERE member.tenant = ? AND campaign = ? AND status IN ${live}
    AND device.tenant = member.tenant AND device.id = member.device
    AND coalesce(last_seen_ms, 0) < ? AND coalesce(offered_ms, 0) < ?
  ORDER BY place, member.device LIMIT ?`;

/** In the order of the campaign's draw. A newer campaign that has something for a device holds it. */
const readySql = `
  SELECT member.device, member.status, member.offered_ms, member.place, device.last_seen_ms, device.statement
  FROM member INDEXED BY member_by_status CROSS JOIN device
  WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.status = ?3
    AND ${approved} AND device.inventory IS NOT NULL AND device.last_seen_ms >= ?4
    AND member.not_before_ms <= ?9
    AND NOT EXISTS (
      SELECT 1 FROM member AS other INDEXED BY member_by_device
      JOIN campaign AS newer ON newer.tenant = other.tenant AND newer.id = other.campaign
      WHERE other.tenant = ?1 AND other.device = member.device AND other.campaign <> ?2
        AND (other.status IN ('waiting', 'reverted') OR other.status IN ${live})
        AND newer.state IN ('running', 'paused') AND 
          (-newer.urgency, newer.sequence_number, newer.created_ms, newer.id) > (?5, ?6, ?7, ?2))
  ORDER BY member.place, member.device LIMIT ?8`;

const readyOf = async (
  sql: Sql,
  { id, campaign, target, judged }: CampaignView,
  status: 'waiting' | 'reverted',
  nowMs: number,
  limit: number,
): Promise<readonly Row[]> =>
  sql.all(
    readySql,
    ...[sql.tenant, id, status, nowMs - campaign.silenceMsMax, -urgencies[judged.urgency]],
    ...[target.sequenceNumber, campaign.created, Math.max(0, limit), nowMs],
  );

function dueOf(row: Row): Due {
  const status = statusOf(row) as Due['status'];
  const { timeZone } = statementOf(row).statement?.terms ?? {};
  return {
    device: text(row, 'device'),
    status,
    lastSeenMs: has(row, 'last_seen_ms') ? integer(row, 'last_seen_ms') : 0,
    place: integer(row, 'place'),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(has(row, 'offered_ms') ? { offeredMs: integer(row, 'offered_ms') } : {}),
  };
}

interface Moving {
  readonly changes: readonly Change[];
  readonly offer?: LiveOffer;
}

async function applySteps(
  sql: Sql,
  id: string,
  generation: number,
  moves: readonly Move[],
  atMs: number,
): Promise<Applied> {
  const before = await campaignIn(sql, id);
  if (before === undefined || before.generation !== generation) return undefined;
  const ofDevices = moves.filter((move) => 'device' in move);
  const moving = await inOrderOf(
    ofDevices,
    ({ device }) => device,
    async (move) => applyMove(sql, id, move, atMs),
  );
  const after = stepped(before, moves, atMs);
  await updateCampaign(sql, after);
  if (after.state !== before.state) {
    const detail = after.because === undefined ? {} : { detail: after.because };
    const act = `campaign ${after.state}`;
    await writeAudit(sql, { actor: plannerActor, atMs, act, subject: id, ...detail });
  }
  const changes = moving.flatMap((each) => each.changes);
  await sumUpMembers(sql, id);
  await sql.tell(changeNews(changes));
  if (after.state !== before.state) await sql.tell([{ kind: 'campaign', id }]);
  return {
    changes,
    offers: moving.flatMap(({ offer }) => offer ?? []),
    state: after.state,
  };
}

async function applyMove(
  sql: Sql,
  campaign: string,
  move: Extract<Move, { device: string }>,
  atMs: number,
): Promise<Moving> {
  const row = await memberRow(sql, campaign, move.device);
  if (row === undefined) return { changes: [] };
  const member = memberOf(row);
  const after = afterMove(member, move, atMs);
  if (after === undefined || after === member) return { changes: [] };
  const superseded = move.do === 'offer' ? await supersede(sql, member, atMs) : [];
  await writeMember(sql, after, plannerActor);
  if (move.do === 'wait') return { changes: [] };
  const changes = [...superseded, changeOf(member, after)];
  const offer = liveOfferOf(after);
  if (offer === undefined) return { changes };
  await writeOffer(sql, offer, atMs);
  return { changes, offer };
}

/** Kept for good: a report that comes late still tells which offer it answers. */
async function writeOffer(
  sql: Sql,
  { nonce, campaign, device, generation }: LiveOffer,
  atMs: number,
): Promise<void> {
  await sql.run(
    `INSERT INTO offer (tenant, nonce, actor, campaign, device, generation, offered_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[sql.tenant, nonce, plannerActor, campaign, device, generation, atMs],
  );
}

/** One live offer per device: those of other campaigns end here. */
async function supersede(sql: Sql, { campaign, device }: Member, atMs: number): Promise<readonly Change[]> {
  const rows = await sql.all(
    `SELECT * FROM member INDEXED BY member_by_device
     WHERE tenant = ? AND device = ? AND campaign <> ? AND status IN ${live} ORDER BY campaign`,
    ...[sql.tenant, device, campaign],
  );
  const changes: Change[] = [];
  for (const member of rows.map(memberOf)) {
    const after = moved(member, 'superseded', atMs, `campaign ${campaign} made a newer offer`);
    await writeMember(sql, after, plannerActor);
    changes.push(changeOf(member, after));
  }
  return changes;
}
