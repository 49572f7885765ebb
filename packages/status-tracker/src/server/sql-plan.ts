/** What the planner asks and what its steps do, in SQL. */
import type { CampaignView } from './campaign.ts';
import { afterMove, moved } from './member-moves.ts';
import type { Change, Due, Member } from './fleet.ts';
import { changeOf } from './fleet.ts';
import { changeNews } from './news.ts';
import type { Row, Sql } from './sql.ts';
import { oncePerDevice } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { campaignIn, sumUpMembers, updateCampaign, writeMembers } from './sql-campaigns.ts';
import { has, integer, memberOf, statementOf, statusOf, text } from './sql-rows.ts';
import { live, readyIn, runsOutMs, silentIn } from './sql-turns.ts';
import type { Applied, FleetStore, LiveOffer, Move } from './store.ts';
import { liveOfferOf, plannerActor, stepped } from './store.ts';

export function planMethods(db: Sql) {
  const { tenant } = db;
  return {
    async due(id, nowMs, limit) {
      const view = await campaignIn(db, id);
      if (view === undefined) return [];
      const silent = await silentIn(db, view, nowMs, limit);
      const waiting = await readyIn(db, view, 'waiting', { nowMs, limit });
      const reverted = await readyIn(db, view, 'reverted', { nowMs, limit: limit - waiting.length });
      return [...silent, ...waiting, ...reverted].map(dueOf);
    },
    applySteps: async (id, generation, moves, atMs) =>
      db.transaction(async (sql) => applySteps(sql, id, generation, moves, atMs)),
    async liveOffers({ campaign, device } = {}) {
      const [ofCampaign, id] = campaign === undefined ? ['', []] : [' AND campaign.id = ?', [campaign]];
      const rows =
        device === undefined
          ? await db.all(liveSql + ofCampaign, tenant, ...id)
          : await db.all(liveOfDeviceSql + ofCampaign, tenant, device, ...id);
      return rows.flatMap((row) => liveOfferOf(memberOf(row)) ?? []);
    },
  } satisfies Partial<FleetStore>;
}

/** One that is frozen is offered nothing until an operator has decided. */
const approved = `device.tenant = member.tenant AND device.id = member.device
  AND device.approval = 'approved'`;

// CROSS JOIN and INDEXED BY tell SQLite, which has no statistics, in which order to look.
const liveSql = `
  SELECT member.* FROM campaign CROSS JOIN member INDEXED BY member_by_turn CROSS JOIN device
  WHERE campaign.tenant = ? AND campaign.state = 'running'
    AND member.tenant = campaign.tenant AND member.campaign = campaign.id AND member.status IN ${live}
    AND ${approved}`;

const liveOfDeviceSql = `
  SELECT member.* FROM member INDEXED BY member_by_device CROSS JOIN campaign CROSS JOIN device
  WHERE member.tenant = ? AND member.device = ? AND member.status IN ${live}
    AND campaign.tenant = member.tenant AND campaign.id = member.campaign AND campaign.state = 'running'
    AND ${approved}`;

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
  const changes: Change[] = [];
  const offers: LiveOffer[] = [];
  for (const part of oncePerDevice(ofDevices)) {
    const applied = await applyMoves(sql, before, part, atMs);
    changes.push(...applied.changes);
    offers.push(...applied.offers);
  }
  const after = stepped(before, moves, atMs);
  await updateCampaign(sql, after);
  if (after.state !== before.state) {
    const detail = after.because === undefined ? {} : { detail: after.because };
    const act = `campaign ${after.state}`;
    await writeAudit(sql, { actor: plannerActor, atMs, act, subject: id, ...detail });
  }
  await sumUpMembers(sql, id);
  await sql.tell(changeNews(changes));
  if (after.state !== before.state) await sql.tell([{ kind: 'campaign', id, atMs }]);
  return { changes, offers, state: after.state };
}

type DeviceMove = Extract<Move, { device: string }>;

/** However many they are, each table is asked once and written once. */
async function applyMoves(sql: Sql, view: CampaignView, moves: readonly DeviceMove[], atMs: number) {
  const { id: campaign } = view;
  const before = new Map(
    (await sql.allBatch(membersSql, devicesOf(moves), sql.tenant, campaign))
      .map(memberOf)
      .map((member) => [member.device, member] as const),
  );
  const moving = moves.flatMap((move) => {
    const member = before.get(move.device);
    const after = member === undefined ? undefined : afterMove(member, move, atMs);
    return member === undefined || after === undefined || after === member ? [] : [{ move, member, after }];
  });
  const superseded = await supersede(
    sql,
    campaign,
    moving.filter(({ move }) => move.do === 'offer'),
    atMs,
  );
  const written = [...superseded, ...moving];
  await writeMembers(
    sql,
    written.map(({ after }) => ({
      ...{ member: after, actor: plannerActor },
      ...(after.status === 'offered' ? { lookMs: runsOutMs(view, atMs) } : {}),
    })),
  );
  const told = moving.filter(({ move }) => move.do !== 'wait');
  const offers = told.flatMap(({ after }) => liveOfferOf(after) ?? []);
  await writeOffers(sql, offers, atMs);
  return { changes: [...superseded, ...told].map(({ member, after }) => changeOf(member, after)), offers };
}

const devicesOf = (moves: readonly { readonly device: string }[]) => ({
  columns: { device: 'text' } as const,
  rows: moves.map(({ device }) => [device]),
});

const membersSql = `
  SELECT member.* FROM batch() CROSS JOIN member
  WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.device = batch.device`;

/** Kept for good: a report that comes late still tells which offer it answers. */
async function writeOffers(sql: Sql, offers: readonly LiveOffer[], atMs: number): Promise<void> {
  await sql.runBatch(
    `INSERT INTO offer (tenant, nonce, actor, campaign, device, generation, offered_ms)
     SELECT ?1, nonce, ?2, campaign, device, generation, ?3 FROM batch()`,
    {
      columns: { nonce: 'blob', campaign: 'text', device: 'text', generation: 'integer' },
      rows: offers.map(({ nonce, campaign, device, generation }) => [nonce, campaign, device, generation]),
    },
    ...[sql.tenant, plannerActor, atMs],
  );
}

/** One live offer per device: those of other campaigns end here. */
async function supersede(
  sql: Sql,
  campaign: string,
  offered: readonly { readonly member: Member }[],
  atMs: number,
) {
  const rows = await sql.allBatch(
    `SELECT member.* FROM batch() CROSS JOIN member INDEXED BY member_by_device
     WHERE member.tenant = ?1 AND member.device = batch.device AND member.campaign <> ?2
       AND member.status IN ${live} ORDER BY member.device, member.campaign`,
    devicesOf(offered.map(({ member }) => member)),
    ...[sql.tenant, campaign],
  );
  return rows.map(memberOf).map((member) => {
    const after = moved(member, 'superseded', atMs, `campaign ${campaign} made a newer offer`);
    return { member, after };
  });
}
