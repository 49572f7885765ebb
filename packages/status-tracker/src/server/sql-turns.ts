/**
 * Whose turn it is, in SQL. Each member says when the planner is to look at it next: at once, when its window
 * opens, when its offer would have run out, or, where its device is silent, when that is heard of again. So a
 * round looks at those that are due and at no other, however many wait.
 */
import type { CampaignView } from './campaign.ts';
import type { Row, Sql } from './sql.ts';
import { totalsIn } from './sql-campaigns.ts';
import { has, integer, text } from './sql-rows.ts';
import { urgencies } from '../protocol.ts';

/** Of a member whose device is silent, or not let in, or has not said what it is: not before it is heard. */
export const asleepMs = Number.MAX_SAFE_INTEGER;

/** An offer: after so long a silence there is something to do. */
export const runsOutMs = ({ campaign }: CampaignView, sinceMs: number): number =>
  sinceMs + campaign.silenceMsMax + 1;

/** These devices were heard of: it may be their turn again. */
export async function wake(sql: Sql, devices: readonly string[]): Promise<void> {
  // The number is written out, so that it is seen to be the index's; IN, so that its devices are looked up.
  await sql.runBatch(
    `UPDATE member INDEXED BY member_asleep SET look_ms = not_before_ms
     WHERE tenant = ?1 AND device IN (SELECT device FROM batch()) AND look_ms = ${asleepMs}`,
    { columns: { device: 'text' }, rows: devices.map((device) => [device]) },
    sql.tenant,
  );
}

/** Members in flight whose devices have been silent for too long, in the order of the campaign's draw. */
export async function silentIn(
  sql: Sql,
  view: CampaignView,
  nowMs: number,
  limit: number,
): Promise<readonly Row[]> {
  return due(sql, view, async () => {
    const rows = await sql.all(silentSql, sql.tenant, view.id, nowMs, limit);
    return rows.map((row) => {
      const heardMs = Math.max(integerOr0(row, 'last_seen_ms'), integerOr0(row, 'offered_ms'));
      const lookMs = runsOutMs(view, heardMs);
      return { row, lookMs: lookMs > nowMs ? lookMs : undefined };
    });
  });
}

/** Members that may be offered the campaign's manifest now, in the order of its draw. */
export async function readyIn(
  sql: Sql,
  view: CampaignView,
  status: 'waiting' | 'reverted',
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<readonly Row[]> {
  const { id, campaign, target, judged } = view;
  const seenSinceMs = nowMs - campaign.silenceMsMax;
  const turn = [-urgencies[judged.urgency], target.sequenceNumber, campaign.created] as const;
  const newer = await sql.get(newerSql, sql.tenant, id, ...turn);
  const { [status]: waiting } = newer === undefined ? { [status]: 0 } : await totalsIn(sql, id);
  const texts = newer === undefined ? readySql : waiting > heldMax ? heldSql : unheldSql;
  const given = [sql.tenant, id, status, Math.max(0, limit)];
  const held = newer === undefined ? [] : turn;
  const look = async () => {
    // Those that were put off lie in a range of the index that is not in the order of the draw.
    const first = await sql.all(texts.first, ...given, ...held);
    const later = await sql.all(texts.later, ...given, nowMs, ...held);
    return [...first, ...later]
      .toSorted(byDraw)
      .slice(0, Math.max(0, limit))
      .map((row) => {
        const isAble = text(row, 'approval') === 'approved' && integer(row, 'has_told') === 1;
        const isHeard = has(row, 'last_seen_ms') && integer(row, 'last_seen_ms') >= seenSinceMs;
        if (!isAble || !isHeard) return { row, lookMs: asleepMs };
        return { row, lookMs: integer(row, 'held') === 1 ? nowMs + waiting : undefined };
      });
  };
  return due(sql, view, look, texts === heldSql ? heldPagesMax : pagesMax);
}

/**
 * So many of one campaign that a newer one may hold are gone through in every round. Of more, each is looked
 * at again after as many milliseconds as there are: a thousand of them in a second, however many wait.
 */
const heldMax = 1_000;

const byDraw = (a: Row, b: Row): number =>
  integer(a, 'place') - integer(b, 'place') || (text(a, 'device') < text(b, 'device') ? -1 : 1);

/** Of the calls of one round: what is beyond is looked at in the next. Whether one is held costs more. */
const pagesMax = 20;
const heldPagesMax = 5;

interface Looked {
  readonly row: Row;
  /** When it is to be looked at next, where there is nothing to do now. */
  readonly lookMs: number | undefined;
}

/** Whom there is nothing to do for is not looked at again before its time. */
async function due(sql: Sql, view: CampaignView, look: () => Promise<readonly Looked[]>, pages = pagesMax) {
  let found: readonly Looked[] = [];
  for (let page = 0; page < pages; page += 1) {
    found = await look();
    const notYet = found.filter(({ lookMs }) => lookMs !== undefined);
    if (notYet.length === 0) break;
    await postpone(sql, view, notYet);
  }
  return found.filter(({ lookMs }) => lookMs === undefined).map(({ row }) => row);
}

/**
 * Only where it still stands as it was seen. A device that another process hears of in this very moment may
 * be put to sleep all the same; its next contact wakes it.
 */
async function postpone(sql: Sql, { id }: CampaignView, looked: readonly Looked[]): Promise<void> {
  await sql.runBatch(
    `UPDATE member SET look_ms = batch.look_ms FROM batch()
     WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.device = batch.device
       AND member.status = batch.status AND member.look_ms = batch.before_ms`,
    {
      columns: { device: 'text', status: 'text', before_ms: 'integer', look_ms: 'integer' },
      rows: looked.map(({ row, lookMs }) => [
        ...[text(row, 'device'), text(row, 'status'), integer(row, 'look_ms'), lookMs ?? 0],
      ]),
    },
    ...[sql.tenant, id],
  );
}

const integerOr0 = (row: Row, column: string): number => (has(row, column) ? integer(row, column) : 0);

export const live = `('offered', 'fetching', 'installing', 'awaiting-confirmation')`;

const columns = `member.device, member.status, member.offered_ms, member.place, member.look_ms,
  device.last_seen_ms`;

// CROSS JOIN and INDEXED BY tell SQLite, which has no statistics, in which order to look.
const silentSql = `
  SELECT ${columns} FROM member INDEXED BY member_by_turn CROSS JOIN device
  WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.status IN ${live} AND member.look_ms <= ?3
    AND device.tenant = member.tenant AND device.id = member.device
  ORDER BY member.place, member.device LIMIT ?4`;

const whether = (condition: string) => `CASE WHEN ${condition} THEN 1 ELSE 0 END`;

type Turn = '= 0' | 'BETWEEN 1 AND ?5';

const ready = (turn: Turn, held = '0') => `
  SELECT ${columns}, device.approval, device.statement, ${held} AS held,
    ${whether('device.inventory IS NOT NULL')} AS has_told
  FROM member INDEXED BY member_by_turn CROSS JOIN device
  WHERE member.tenant = ?1 AND member.campaign = ?2 AND member.status = ?3 AND member.look_ms ${turn}
    AND device.tenant = member.tenant AND device.id = member.device`;

const inOrder = 'ORDER BY member.place, member.device LIMIT ?4';

const readySql = { first: `${ready('= 0')} ${inOrder}`, later: `${ready('BETWEEN 1 AND ?5')} ${inOrder}` };

const isNewer = (campaign: string, at: number) => `${campaign}.state IN ('running', 'paused')
  AND (-${campaign}.urgency, ${campaign}.sequence_number, ${campaign}.created_ms, ${campaign}.id)
    > (?${at}, ?${at + 1}, ?${at + 2}, ?2)`;

const newerSql = `SELECT 1 AS newer FROM campaign WHERE tenant = ?1
  AND ${isNewer('campaign', 3)} LIMIT 1`;

/** A newer campaign that has something for a device holds it. */
const isHeld = (at: number) => `EXISTS (
    SELECT 1 FROM member AS other INDEXED BY member_by_device
    JOIN campaign AS newer ON newer.tenant = other.tenant AND newer.id = other.campaign
    WHERE other.tenant = ?1 AND other.device = member.device AND other.campaign <> ?2
      AND (other.status IN ('waiting', 'reverted') OR other.status IN ${live})
      AND ${isNewer('newer', at)})`;

const unheldSql = {
  first: `${ready('= 0')} AND NOT ${isHeld(5)} ${inOrder}`,
  later: `${ready('BETWEEN 1 AND ?5')} AND NOT ${isHeld(6)} ${inOrder}`,
};

const heldSql = {
  first: `${ready('= 0', whether(isHeld(5)))} ${inOrder}`,
  later: `${ready('BETWEEN 1 AND ?5', whether(isHeld(6)))} ${inOrder}`,
};
