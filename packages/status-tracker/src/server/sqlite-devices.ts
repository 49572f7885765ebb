/** Devices and their evidence, in SQLite. */
import { compareBytes } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Decision, Membership } from './evidence.ts';
import { decideCheckIn, decideReport } from './evidence.ts';
import type { DeviceView } from './fleet.ts';
import { runningVersion } from './fleet.ts';
import { writeAudit } from './sqlite-access.ts';
import { rejection, writeMember } from './sqlite-campaigns.ts';
import type { Database } from './sqlite-database.ts';
import type { Row } from './sqlite-rows.ts';
import {
  blob,
  campaignOf,
  deviceOf,
  has,
  integer,
  inventoryBytes,
  memberOf,
  modeOf,
  replayOf,
  text,
} from './sqlite-rows.ts';
import type {
  Act,
  Added,
  CheckInRecord,
  Evidence,
  FleetStore,
  NewDevice,
  Recorded,
  ReportRecord,
} from './store.ts';

export function deviceMethods(db: Database) {
  const { tenant } = db;
  return {
    addDevices: async (batch, by) => db.transaction(() => batch.map((device) => addDevice(db, device, by))),
    approve: async (ids, by) => db.transaction(() => ids.filter((id) => approve(db, id, by))),
    startSessions: async (batch) =>
      db.transaction(() => {
        for (const { device, tokenHash, updateMode, atMs } of batch) {
          db.run(
            `UPDATE device SET update_mode = ?, token_hash = ?, session_started_ms = ?, counter = 0,
               last_seen_ms = ? WHERE tenant = ? AND id = ?`,
            ...[updateMode, tokenHash, atMs, atMs, tenant, device],
          );
        }
      }),
    recordSeen: async (batch) =>
      db.transaction(() => {
        for (const { device, atMs } of batch) {
          db.run(
            `UPDATE device SET last_seen_ms = ?1
             WHERE tenant = ?2 AND id = ?3 AND ifnull(last_seen_ms, 0) < ?1`,
            ...[atMs, tenant, device],
          );
        }
      }),
    device: async (id) => viewOf(db, rowOf(db, id)),
    deviceByKid: async (kid) =>
      viewOf(db, db.get('SELECT * FROM device WHERE tenant = ? AND kid = ?', tenant, kid)),
    async devices({ after = '', limit }) {
      const sql = 'SELECT * FROM device WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?';
      return db.all(sql, tenant, after, limit).flatMap((row) => viewOf(db, row) ?? []);
    },
    async countDevices(approval) {
      const sql = 'SELECT count(*) AS count FROM device WHERE tenant = ? AND approval = ?';
      return integer(db.get(sql, tenant, approval) ?? {}, 'count');
    },
    summary: async () => db.all(summarySql, tenant).map(groupOf),
    sessions: async () =>
      db
        .all(
          'SELECT id, token_hash, update_mode FROM device WHERE tenant = ? AND token_hash NOT NULL',
          tenant,
        )
        .map((row) => ({
          device: text(row, 'id'),
          tokenHash: blob(row, 'token_hash'),
          updateMode: modeOf(row),
        })),
  } satisfies Partial<FleetStore>;
}

const summarySql = `
  SELECT vendor, class, ifnull(version, 'unknown') AS version,
    CASE approval WHEN 'pending' THEN 'pending' ELSE ifnull(state, 'silent') END AS condition,
    count(*) AS count
  FROM device WHERE tenant = ? GROUP BY vendor, class, version, condition`;

const groupOf = (row: Row) => ({
  vendor: blob(row, 'vendor'),
  class: blob(row, 'class'),
  version: text(row, 'version'),
  state: text(row, 'condition'),
  count: integer(row, 'count'),
});

const rowOf = (db: Database, id: string) =>
  db.get('SELECT * FROM device WHERE tenant = ? AND id = ?', db.tenant, id);

function viewOf(db: Database, row: Row | undefined): DeviceView | undefined {
  if (row === undefined) return undefined;
  const current = db.get(
    `SELECT member.* FROM member INDEXED BY member_by_device
     JOIN campaign ON campaign.tenant = member.tenant AND campaign.id = member.campaign
     WHERE member.tenant = ? AND member.device = ?
     ORDER BY member.status = 'superseded', campaign.created_ms DESC, campaign.id DESC LIMIT 1`,
    ...[db.tenant, text(row, 'id')],
  );
  return { ...deviceOf(row), ...(current === undefined ? {} : { member: memberOf(current) }) };
}

function addDevice(db: Database, device: NewDevice, by: Act): Added {
  const { id, publicKey, kid, vendor, class: product, approval } = device;
  const known = rowOf(db, id);
  if (known !== undefined)
    return compareBytes(blob(known, 'public_key'), publicKey) === 0 ? 'known' : 'other-key';
  const isNew = db.run(
    `INSERT INTO device (tenant, id, actor, public_key, kid, vendor, class, approval, created_ms, update_mode)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'client-initiated') ON CONFLICT DO NOTHING`,
    ...[db.tenant, id, by.actor, publicKey, kid, vendor, product, approval, by.atMs],
  );
  if (isNew === 0) return 'key-in-use';
  writeAudit(db, { ...by, act: `device ${approval}`, subject: id });
  return 'added';
}

function approve(db: Database, id: string, by: Act): boolean {
  const sql = `UPDATE device SET approval = 'approved', actor = ?
    WHERE tenant = ? AND id = ? AND approval = 'pending'`;
  if (db.run(sql, by.actor, db.tenant, id) === 0) return false;
  writeAudit(db, { ...by, act: 'device approved', subject: id });
  return true;
}

export function recordMethods(db: Database) {
  return {
    recordCheckIns: async (batch) => db.transaction(() => batch.map((record) => recordCheckIn(db, record))),
    recordReports: async (batch) => db.transaction(() => batch.map((record) => recordReport(db, record))),
    async evidence(device, limit) {
      const sql = 'SELECT * FROM report WHERE tenant = ? AND actor = ? ORDER BY number DESC LIMIT ?';
      return db.all(sql, db.tenant, device, limit).map(evidenceOf);
    },
  } satisfies Partial<FleetStore>;
}

function recordCheckIn(db: Database, record: CheckInRecord): Recorded {
  const { device, counter, inventory, signed } = record;
  if (isKnown(db, 'check-in', signed)) return { end: 'known', changes: [] };
  const row = rowOf(db, device);
  const before = row === undefined ? undefined : deviceOf(row);
  if (before?.session === undefined || counter <= before.session.counter)
    return { end: 'replayed', changes: [] };
  writeEvidence(db, { kind: 'check-in', atMs: inventory.atMs, device, outcome: inventory.state, signed });
  const memberships = openMemberships(db, device);
  return save(db, decideCheckIn({ ...before, session: before.session }, memberships, record));
}

function recordReport(db: Database, record: ReportRecord): Recorded {
  const { device, nonce, atMs, reason, replay, signed } = record;
  if (isKnown(db, 'report', signed)) return { end: 'known', changes: [] };
  const row = rowOf(db, device);
  const found = db.get(
    `SELECT campaign.digest, member.* FROM offer
     JOIN campaign ON campaign.tenant = offer.tenant AND campaign.id = offer.campaign
     JOIN member ON member.tenant = offer.tenant AND member.campaign = offer.campaign
       AND member.device = offer.device
     WHERE offer.tenant = ? AND offer.nonce = ? AND offer.device = ?`,
    ...[db.tenant, nonce, device],
  );
  if (row === undefined || found === undefined) return { end: 'no-such-offer', changes: [] };
  if (compareBytes(blob(found, 'digest'), record.digest) !== 0) return { end: 'other-manifest', changes: [] };
  const member = memberOf(found);
  const { campaign } = member;
  writeEvidence(db, { kind: 'report', atMs, device, campaign, outcome: reason, replay, signed });
  return save(db, decideReport(deviceOf(row), member, record));
}

/** The device's members in campaigns that can still come to an end. */
function openMemberships(db: Database, device: string): Membership[] {
  const sql = 'SELECT * FROM member INDEXED BY member_by_device WHERE tenant = ? AND device = ?';
  return db.all(sql, db.tenant, device).flatMap((row) => {
    const member = memberOf(row);
    const found = db.get(
      `SELECT * FROM campaign WHERE tenant = ? AND id = ? AND state <> 'aborted'`,
      ...[db.tenant, member.campaign],
    );
    if (found === undefined) return [];
    const { target } = campaignOf(found);
    return [{ member, target, rejected: rejection(db, device, target.digest) }];
  });
}

function save(db: Database, { device, members, changes, audit }: Decision): Recorded {
  if (audit !== undefined) writeAudit(db, audit);
  const { id, inventory, session, lastSeenMs = null, lastError = null } = device;
  db.run(
    `UPDATE device SET inventory = ?, inventory_ms = ?, version = ?, state = ?, counter = ?, last_seen_ms = ?,
       last_error = ? WHERE tenant = ? AND id = ?`,
    inventory === undefined ? null : inventoryBytes(inventory),
    inventory?.atMs ?? null,
    inventory === undefined ? null : runningVersion(inventory),
    inventory?.state ?? null,
    session?.counter ?? null,
    lastSeenMs,
    lastError,
    ...[db.tenant, id],
  );
  for (const member of members) writeMember(db, member, id);
  return { end: 'recorded', changes };
}

const hashOf = (signed: Uint8Array): Uint8Array => digest('sha-256', signed);

const isKnown = (db: Database, kind: Evidence['kind'], signed: Uint8Array): boolean =>
  db.get(
    'SELECT 1 FROM report WHERE tenant = ? AND kind = ? AND hash = ?',
    ...[db.tenant, kind, hashOf(signed)],
  ) !== undefined;

function writeEvidence(db: Database, evidence: Evidence): void {
  const { kind, atMs, device, campaign = null, outcome, replay, signed } = evidence;
  const because = replay === undefined || replay.end === 'plausible' ? null : replay.because;
  db.run(
    `INSERT INTO report (tenant, actor, kind, hash, at_ms, campaign, outcome, replay, replay_because, signed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[db.tenant, device, kind, hashOf(signed), atMs, campaign, outcome],
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
