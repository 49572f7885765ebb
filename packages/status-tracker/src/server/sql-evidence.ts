/** What devices say, in SQL: kept as it was signed, counted once, and followed by what it decides. */
import { compareBytes } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { belonging } from './attributes.ts';
import type { Decision, Membership, Place } from './evidence.ts';
import { decideCheckIn, decideReport } from './evidence.ts';
import { runningVersion } from './fleet.ts';
import { changeNews } from './news.ts';
import type { Row, Sql } from './sql.ts';
import { inOrderOf } from './sql.ts';
import { writeAudit } from './sql-access.ts';
import { rejection, writeMember } from './sql-campaigns.ts';
import { joinOpen } from './sql-join.ts';
import {
  blob,
  campaignOf,
  deviceOf,
  has,
  integer,
  inventoryBytes,
  memberOf,
  replayOf,
  targetOf,
  text,
} from './sql-rows.ts';
import { keepsWordsOf } from './store.ts';
import type { CheckInRecord, Evidence, FleetStore, Recorded, ReportRecord } from './store.ts';

export function recordMethods(db: Sql) {
  const deviceIn = ({ device }: CheckInRecord | ReportRecord) => device;
  return {
    recordCheckIns: async (batch) =>
      db.transaction(async (sql) =>
        told(sql, await inOrderOf(batch, deviceIn, async (each) => recordCheckIn(sql, each))),
      ),
    recordReports: async (batch) =>
      db.transaction(async (sql) =>
        told(sql, await inOrderOf(batch, deviceIn, async (each) => recordReport(sql, each))),
      ),
    async evidence(device, limit) {
      const text = 'SELECT * FROM report WHERE tenant = ? AND actor = ? ORDER BY number DESC LIMIT ?';
      return (await db.all(text, db.tenant, device, limit)).map(evidenceOf);
    },
  } satisfies Partial<FleetStore>;
}

async function told(sql: Sql, recorded: readonly Recorded[]): Promise<readonly Recorded[]> {
  await sql.tell(changeNews(recorded.flatMap(({ changes }) => changes)));
  return recorded;
}

export const deviceRow = async (sql: Sql, id: string) =>
  sql.get('SELECT * FROM device WHERE tenant = ? AND id = ?', sql.tenant, id);

const unchanged = (end: Exclude<Recorded['end'], 'recorded'>): Recorded => ({ end, changes: [] });

async function recordCheckIn(sql: Sql, record: CheckInRecord): Promise<Recorded> {
  const { device, counter, inventory, signed } = record;
  if (await isKnown(sql, 'check-in', device, signed)) return unchanged('known');
  const row = await deviceRow(sql, device);
  const before = row === undefined ? undefined : deviceOf(row);
  if (before?.session === undefined || counter <= before.session.counter) return unchanged('replayed');
  const outcome = inventory.state;
  const said = { kind: 'check-in', atMs: inventory.atMs, device, outcome, signed } as const;
  if (keepsWordsOf(before)) await writeEvidence(sql, said);
  const memberships = await openMemberships(sql, device);
  const decided = decideCheckIn({ ...before, session: before.session }, memberships, record);
  const recorded = await save(sql, decided);
  await joinOpen(sql, device, inventory.atMs);
  return recorded;
}

async function recordReport(sql: Sql, record: ReportRecord): Promise<Recorded> {
  const { device, nonce, atMs, reason, replay, signed } = record;
  if (await isKnown(sql, 'report', device, signed)) return unchanged('known');
  const row = await deviceRow(sql, device);
  const found = await sql.get(
    `SELECT ${targetColumns}, member.* FROM offer
     JOIN campaign ON campaign.tenant = offer.tenant AND campaign.id = offer.campaign
     JOIN member ON member.tenant = offer.tenant AND member.campaign = offer.campaign
       AND member.device = offer.device
     WHERE offer.tenant = ? AND offer.nonce = ? AND offer.device = ?`,
    ...[sql.tenant, nonce, device],
  );
  if (row === undefined || found === undefined) return unchanged('no-such-offer');
  if (compareBytes(blob(found, 'digest'), record.digest) !== 0) return unchanged('other-manifest');
  const place = placeOf(found);
  const { campaign } = place.member;
  await writeEvidence(sql, { kind: 'report', atMs, device, campaign, outcome: reason, replay, signed });
  const others = reason === 'ok' ? await otherPlaces(sql, device, campaign) : [];
  return save(sql, decideReport(deviceOf(row), place, others, record));
}

const targetColumns = `campaign.digest, campaign.sequence_number, campaign.image_bytes, campaign.components`;
const placeOf = (row: Row): Place => ({ member: memberOf(row), target: targetOf(row) });

/** Where else something is still to happen with the device. */
async function otherPlaces(sql: Sql, device: string, campaign: string): Promise<readonly Place[]> {
  const rows = await sql.all(
    `SELECT ${targetColumns}, member.* FROM member INDEXED BY member_by_device
     JOIN campaign ON campaign.tenant = member.tenant AND campaign.id = member.campaign
     WHERE member.tenant = ? AND member.device = ? AND member.campaign <> ?
       AND member.status NOT IN ('confirmed', 'superseded') AND campaign.state <> 'aborted'
     ORDER BY member.campaign`,
    ...[sql.tenant, device, campaign],
  );
  return rows.map(placeOf);
}

/** The device's members in campaigns that can still come to an end. */
export async function openMemberships(sql: Sql, device: string): Promise<readonly Membership[]> {
  const ofDevice =
    'SELECT * FROM member INDEXED BY member_by_device WHERE tenant = ? AND device = ? ORDER BY campaign';
  const memberships: Membership[] = [];
  for (const member of (await sql.all(ofDevice, sql.tenant, device)).map(memberOf)) {
    const found = await sql.get(
      `SELECT * FROM campaign WHERE tenant = ? AND id = ? AND state <> 'aborted'`,
      ...[sql.tenant, member.campaign],
    );
    if (found === undefined) continue;
    const { target, campaign } = campaignOf(found);
    memberships.push({
      member,
      target,
      rejected: await rejection(sql, device, target.digest),
      belongs: (changed) => belonging(campaign, changed),
    });
  }
  return memberships;
}

async function save(sql: Sql, { device, members, changes, audit }: Decision): Promise<Recorded> {
  if (audit !== undefined && keepsWordsOf(device)) await writeAudit(sql, audit);
  const { id, inventory, session, lastSeenMs = null, lastError = null } = device;
  await sql.run(
    `UPDATE device SET inventory = ?, inventory_ms = ?, version = ?, state = ?, counter = ?, last_seen_ms = ?,
       last_error = ? WHERE tenant = ? AND id = ?`,
    inventory === undefined ? null : inventoryBytes(inventory),
    inventory?.atMs ?? null,
    inventory === undefined ? null : runningVersion(inventory),
    inventory?.state ?? null,
    session?.counter ?? null,
    lastSeenMs,
    lastError,
    ...[sql.tenant, id],
  );
  for (const member of members) await writeMember(sql, member, id);
  return { end: 'recorded', changes };
}

const hashOf = (signed: Uint8Array): Uint8Array => digest('sha-256', signed);

/** What is signed is one device's, so that its part of the table is the only one to look into. */
const isKnown = async (
  sql: Sql,
  kind: Evidence['kind'],
  device: string,
  signed: Uint8Array,
): Promise<boolean> =>
  (await sql.get(
    'SELECT 1 FROM report WHERE tenant = ? AND kind = ? AND hash = ? AND actor = ?',
    ...[sql.tenant, kind, hashOf(signed), device],
  )) !== undefined;

async function writeEvidence(sql: Sql, evidence: Evidence): Promise<void> {
  const { kind, atMs, device, campaign = null, outcome, replay, signed } = evidence;
  const because = replay === undefined || replay.end === 'plausible' ? null : replay.because;
  await sql.run(
    `INSERT INTO report (tenant, actor, kind, hash, at_ms, campaign, outcome, replay, replay_because, signed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[sql.tenant, device, kind, hashOf(signed), atMs, campaign, outcome],
    ...[replay?.end ?? null, because, signed],
  );
}

const evidenceOf = (row: Row): Evidence => ({
  kind: text(row, 'kind') === 'report' ? 'report' : 'check-in',
  atMs: integer(row, 'at_ms'),
  device: text(row, 'actor'),
  ...(has(row, 'campaign') ? { campaign: text(row, 'campaign') } : {}),
  outcome: text(row, 'outcome'),
  ...replayOf(row),
  signed: blob(row, 'signed'),
});
