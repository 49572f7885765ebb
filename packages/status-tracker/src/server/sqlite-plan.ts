/** What the planner asks and what its steps do, in SQLite. */
import type { CampaignView } from './campaign.ts';
import { afterGiveUp, afterOffer, moved } from './evidence.ts';
import type { Change, Due, Member } from './fleet.ts';
import { changeOf } from './fleet.ts';
import { writeAudit } from './sqlite-access.ts';
import { campaignIn, updateCampaign, writeMember } from './sqlite-campaigns.ts';
import type { Database } from './sqlite-database.ts';
import type { Row } from './sqlite-rows.ts';
import { has, integer, memberOf, statusOf, text } from './sqlite-rows.ts';
import type { Applied, FleetStore, LiveOffer, Move } from './store.ts';
import { liveOfferOf, plannerActor, stepped } from './store.ts';

const live = `('offered', 'fetching', 'installing', 'awaiting-confirmation')`;

export function planMethods(db: Database) {
  return {
    async due(id, nowMs, limit) {
      const view = campaignIn(db, id);
      if (view === undefined) return [];
      const seenSince = nowMs - view.campaign.silenceMsMax;
      const waiting = readyOf(db, view, 'waiting', seenSince, limit);
      const reverted = readyOf(db, view, 'reverted', seenSince, limit - waiting.length);
      const silent = db.all(silentSql, db.tenant, id, seenSince, limit);
      return [...silent, ...waiting, ...reverted].map(dueOf);
    },
    applySteps: async (id, generation, moves, atMs) =>
      db.transaction(() => applySteps(db, id, generation, moves, atMs)),
    async liveOffers(device) {
      const rows = db.all(
        `SELECT member.* FROM campaign
         CROSS JOIN member INDEXED BY member_by_status
           ON member.tenant = campaign.tenant AND member.campaign = campaign.id
         WHERE campaign.tenant = ? AND campaign.state = 'running' AND member.status IN ${live}
           AND member.device = ifnull(?, member.device)`,
        ...[db.tenant, device ?? null],
      );
      return rows.flatMap((row) => liveOfferOf(memberOf(row)) ?? []);
    },
  } satisfies Partial<FleetStore>;
}

const silentSql = `
  SELECT member.device, member.status, member.offered_ms, device.last_seen_ms
  FROM member INDEXED BY member_by_status
  CROSS JOIN device ON device.tenant = member.tenant AND device.id = member.device
  WHERE member.tenant = ? AND campaign = ? AND status IN ${live}
    AND max(ifnull(last_seen_ms, 0), ifnull(offered_ms, 0)) < ?
  ORDER BY place, member.device LIMIT ?`;

/** In the order of the campaign's draw. A newer campaign that has something for a device holds it. */
const readySql = `
  SELECT member.device, member.status, member.offered_ms, device.last_seen_ms
  FROM member INDEXED BY member_by_status
  CROSS JOIN device ON device.tenant = member.tenant AND device.id = member.device
  WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.status = ?3
    AND device.inventory NOT NULL AND device.last_seen_ms >= ?4
    AND NOT EXISTS (
      SELECT 1 FROM member AS other INDEXED BY member_by_device
      JOIN campaign AS newer ON newer.tenant = other.tenant AND newer.id = other.campaign
      WHERE other.tenant = ?1 AND other.device = member.device AND other.campaign <> ?2
        AND (other.status IN ('waiting', 'reverted') OR other.status IN ${live})
        AND newer.state IN ('running', 'paused') AND (newer.created_ms, newer.id) > (?5, ?2))
  ORDER BY member.place, member.device LIMIT ?6`;

function readyOf(
  db: Database,
  { id, campaign }: CampaignView,
  status: 'waiting' | 'reverted',
  seenSince: number,
  limit: number,
): readonly Row[] {
  return db.all(readySql, db.tenant, id, status, seenSince, campaign.created, Math.max(0, limit));
}

function dueOf(row: Row): Due {
  const status = statusOf(row) as Due['status'];
  return {
    device: text(row, 'device'),
    status,
    lastSeenMs: has(row, 'last_seen_ms') ? integer(row, 'last_seen_ms') : 0,
    ...(has(row, 'offered_ms') ? { offeredMs: integer(row, 'offered_ms') } : {}),
  };
}

function applySteps(
  db: Database,
  id: string,
  generation: number,
  moves: readonly Move[],
  atMs: number,
): Applied {
  const before = campaignIn(db, id);
  if (before === undefined || before.generation !== generation) return undefined;
  const changes: Change[] = [];
  const offers: LiveOffer[] = [];
  for (const move of moves) {
    if (move.do !== 'offer' && move.do !== 'give-up') continue;
    const row = db.get(
      'SELECT * FROM member WHERE tenant = ? AND campaign = ? AND device = ?',
      ...[db.tenant, id, move.device],
    );
    if (row === undefined) continue;
    const member = memberOf(row);
    const after =
      move.do === 'offer' ? afterOffer(member, move, atMs) : afterGiveUp(member, move.because, atMs);
    if (after === undefined || after === member) continue;
    if (move.do === 'offer') changes.push(...supersede(db, member, atMs));
    writeMember(db, after, plannerActor);
    changes.push(changeOf(member, after));
    const offer = liveOfferOf(after);
    if (offer === undefined) continue;
    offers.push(offer);
    writeOffer(db, offer, atMs);
  }
  const after = stepped(before, moves);
  updateCampaign(db, after);
  if (after.state !== before.state) {
    const detail = after.because === undefined ? {} : { detail: after.because };
    writeAudit(db, { actor: plannerActor, atMs, act: `campaign ${after.state}`, subject: id, ...detail });
  }
  return { changes, offers, state: after.state };
}

/** Kept for good: a report that comes late still tells which offer it answers. */
function writeOffer(db: Database, { nonce, campaign, device, generation }: LiveOffer, atMs: number): void {
  db.run(
    `INSERT INTO offer (tenant, nonce, actor, campaign, device, generation, offered_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[db.tenant, nonce, plannerActor, campaign, device, generation, atMs],
  );
}

/** One live offer per device: those of other campaigns end here. */
function supersede(db: Database, { campaign, device }: Member, atMs: number): Change[] {
  const rows = db.all(
    `SELECT * FROM member INDEXED BY member_by_device
     WHERE tenant = ? AND device = ? AND campaign <> ? AND status IN ${live}`,
    ...[db.tenant, device, campaign],
  );
  return rows.map((row) => {
    const member = memberOf(row);
    const after = moved(member, 'superseded', atMs, `campaign ${campaign} made a newer offer`);
    writeMember(db, after, plannerActor);
    return changeOf(member, after);
  });
}
