/** Devices and their sessions, in SQL. */
import { compareBytes, hex } from '@lapel/cbor';
import type { AnswerView, DeviceView, Speaker } from './fleet.ts';
import type { Row, Sql } from './sql.ts';
import { inOrderOf } from './sql.ts';
import { writeAudit } from './sql-audit.ts';
import { freeze, retire } from './sql-barred.ts';
import { deviceRow } from './sql-evidence.ts';
import { blob, deviceOf, integer, memberOf, modeOf, speakerOf, statementOf, text } from './sql-rows.ts';
import { startSessions } from './sql-sessions.ts';
import { tagDevices } from './sql-tags.ts';
import { wake } from './sql-turns.ts';
import { judgeAnswer } from './records.ts';
import type { Act, Added, Answered, FleetStore, NewDevice, Seen } from './store.ts';

export function deviceMethods(db: Sql) {
  const { tenant } = db;
  return {
    addDevices: async (batch, by) =>
      db.transaction(async (sql) =>
        inOrderOf(
          batch,
          ({ id }) => id,
          async (device) => addDevice(sql, device, by),
        ),
      ),
    approve: async (ids, by) => db.transaction(async (sql) => approve(sql, ids, by)),
    startSessions: async (batch) => db.transaction(async (sql) => startSessions(sql, batch)),
    freeze: async (ids, why) => db.transaction(async (sql) => freeze(sql, ids, why)),
    retire: async (ids, why) => db.transaction(async (sql) => retire(sql, ids, why)),
    tag: async (ids, change, by) => db.transaction(async (sql) => tagDevices(sql, ids, change, by)),
    recordAnswers: async (batch) =>
      db.transaction(async (sql) =>
        inOrderOf(
          batch,
          ({ answer }) => answer.device,
          async (view) => recordAnswer(sql, view),
        ),
      ),
    recordSeen: async (batch) => db.transaction(async (sql) => recordSeen(sql, batch)),
    device: async (id) => viewOf(db, await deviceRow(db, id)),
    speakers: async (named) => speakers(db, named),
    async devices({ after = '', limit, approval }) {
      const rows =
        approval === undefined
          ? await db.all(pageSql(''), tenant, after, limit)
          : await db.all(pageSql('AND approval = ?'), tenant, after, approval, limit);
      return (await Promise.all(rows.map(async (row) => viewOf(db, row)))).flatMap((view) => view ?? []);
    },
    async countDevices(approval) {
      const text = 'SELECT count(*) AS count FROM device WHERE tenant = ? AND approval = ?';
      return integer((await db.get(text, tenant, approval)) ?? {}, 'count');
    },
    summary: async () => (await db.all(summarySql, tenant)).map(groupOf),
    async sessions(device) {
      const all = `SELECT id, token_hash, update_mode, statement, vendor, class FROM device
        WHERE tenant = ? AND token_hash IS NOT NULL`;
      const rows = device === undefined ? db.all(all, tenant) : db.all(`${all} AND id = ?`, tenant, device);
      return (await rows).map((row) => ({
        device: text(row, 'id'),
        tokenHash: blob(row, 'token_hash'),
        updateMode: modeOf(row),
        vendor: blob(row, 'vendor'),
        class: blob(row, 'class'),
        ...statementOf(row),
      }));
    },
  } satisfies Partial<FleetStore>;
}

async function speakers(
  sql: Sql,
  named: readonly (string | Uint8Array)[],
): Promise<readonly (Speaker | undefined)[]> {
  const ids = named.filter((each) => typeof each === 'string');
  const kids = named.filter((each) => typeof each !== 'string');
  const byId = { columns: { id: 'text' }, rows: ids.map((id) => [id]) } as const;
  const byKid = { columns: { kid: 'blob' }, rows: kids.map((kid) => [kid]) } as const;
  const found = [
    ...(await sql.allBatch(`${speakersSql} AND device.id = batch.id`, byId, sql.tenant)),
    ...(await sql.allBatch(`${speakersSql} AND device.kid = batch.kid`, byKid, sql.tenant)),
  ];
  const known = new Map<string, Speaker>();
  for (const row of found) {
    const speaker = speakerOf(row);
    known.set(speaker.id, speaker).set(keyName(blob(row, 'kid')), speaker);
  }
  return named.map((each) => known.get(typeof each === 'string' ? each : keyName(each)));
}

/** No id is like it: they have no blanks. */
const keyName = (kid: Uint8Array): string => `key ${hex(kid)}`;

const speakersSql = `
  SELECT device.id AS id, public_key, device.kid AS kid, vendor, class, approval, token_hash,
    session_started_ms, counter, starts, tags
  FROM batch() CROSS JOIN device WHERE device.tenant = ?1`;

const pageSql = (only: '' | 'AND approval = ?') =>
  `SELECT * FROM device WHERE tenant = ? AND id > ? ${only} ORDER BY id LIMIT ?`;

const summarySql = `
  SELECT vendor, class, coalesce(version, 'unknown') AS version,
    CASE approval WHEN 'approved' THEN coalesce(state, 'silent') ELSE approval END AS condition,
    count(*) AS count
  FROM device WHERE tenant = ? GROUP BY 1, 2, 3, 4`;

const groupOf = (row: Row) => ({
  vendor: blob(row, 'vendor'),
  class: blob(row, 'class'),
  version: text(row, 'version'),
  state: text(row, 'condition'),
  count: integer(row, 'count'),
});

async function viewOf(sql: Sql, row: Row | undefined): Promise<DeviceView | undefined> {
  if (row === undefined) return undefined;
  const current = await sql.get(
    `SELECT member.* FROM member INDEXED BY member_by_device
     JOIN campaign ON campaign.tenant = member.tenant AND campaign.id = member.campaign
     WHERE member.tenant = ? AND member.device = ?
     ORDER BY member.status = 'superseded', campaign.urgency, campaign.sequence_number DESC,
       campaign.created_ms DESC, campaign.id DESC LIMIT 1`,
    ...[sql.tenant, text(row, 'id')],
  );
  return { ...deviceOf(row), ...(current === undefined ? {} : { member: memberOf(current) }) };
}

async function addDevice(sql: Sql, device: NewDevice, by: Act): Promise<Added> {
  const { id, publicKey, approval } = device;
  const known = await deviceRow(sql, id);
  if (known !== undefined)
    return compareBytes(blob(known, 'public_key'), publicKey) === 0 ? 'known' : 'other-key';
  if ((await insertDevice(sql, device, by)) === 0) return 'key-in-use';
  await writeAudit(sql, { ...by, act: `device ${approval}`, subject: id });
  return 'added';
}

/** @returns 0 where the key, or the id, is another's. */
export const insertDevice = async (
  sql: Sql,
  { id, publicKey, kid, vendor, class: product, approval }: NewDevice,
  { actor, atMs }: Act,
): Promise<number> =>
  sql.run(
    `INSERT INTO device (tenant, id, actor, public_key, kid, vendor, class, approval, created_ms, update_mode)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'client-initiated') ON CONFLICT DO NOTHING`,
    ...[sql.tenant, id, actor, publicKey, kid, vendor, product, approval, atMs],
  );

async function approve(sql: Sql, ids: readonly string[], by: Act): Promise<readonly string[]> {
  const text = `UPDATE device SET approval = 'approved', actor = ?
    WHERE tenant = ? AND id = ? AND approval <> 'approved'`;
  const approved = await inOrderOf(
    ids,
    (id) => id,
    async (id) => {
      if ((await sql.run(text, by.actor, sql.tenant, id)) === 0) return false;
      await writeAudit(sql, { ...by, act: 'device approved', subject: id });
      return true;
    },
  );
  const done = ids.filter((_, place) => approved[place]);
  await wake(sql, done);
  return done;
}

async function recordAnswer(sql: Sql, view: AnswerView): Promise<Answered> {
  const { device, offer } = view.answer;
  const row = await deviceRow(sql, device);
  const offered = await sql.get('SELECT device FROM offer WHERE tenant = ? AND nonce = ?', sql.tenant, offer);
  const judged = judgeAnswer(
    row === undefined ? undefined : deviceOf(row),
    offered === undefined ? undefined : text(offered, 'device'),
    view,
  );
  if (judged !== 'recorded') return judged;
  const update = 'UPDATE device SET answer = ?, answered_ms = ? WHERE tenant = ? AND id = ?';
  await sql.run(update, view.signed, view.atMs, sql.tenant, device);
  return judged;
}

/** One statement for all of them, each device once. */
async function recordSeen(sql: Sql, batch: readonly Seen[]): Promise<void> {
  const latest = new Map<string, number>();
  for (const { device, atMs } of batch) latest.set(device, Math.max(atMs, latest.get(device) ?? 0));
  const rows = [...latest].toSorted(([a], [b]) => (a < b ? -1 : 1));
  await sql.runBatch(
    `UPDATE device SET last_seen_ms = batch.at_ms FROM batch()
     WHERE device.tenant = ?1 AND device.id = batch.device AND coalesce(last_seen_ms, 0) < batch.at_ms`,
    { columns: { device: 'text', at_ms: 'integer' }, rows },
    sql.tenant,
  );
  await wake(sql, [...latest.keys()]);
}
