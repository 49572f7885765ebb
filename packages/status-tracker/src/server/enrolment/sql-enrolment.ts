/** The ways into the fleet, in SQL. */
import { array, bytes, compareBytes, read, write } from '@lapel/cbor';
import type { Act, NewDevice } from '../fleet.ts';
import type { Row, Sql } from '../sql.ts';
import { inOrderOf } from '../sql.ts';
import { writeAudit } from '../sql-audit.ts';
import { freeze } from '../sql-barred.ts';
import { insertDevice } from '../sql-devices.ts';
import { deviceRow } from '../sql-evidence.ts';
import { blob, integer, text } from '../sql-rows.ts';
import type {
  ApprovalWay,
  EnrolEnd,
  EnrolmentStore,
  EnrolmentToken,
  Enrolled,
  Manufacturer,
  Way,
} from './enrolment-store.ts';
import { admissionText, certificateRevoked, forgottenMax } from './enrolment-store.ts';

const Classes = array(bytes(16), { max: 64 });

export function enrolmentMethods(db: Sql): EnrolmentStore {
  const { tenant } = db;
  return {
    enrol: async (device, way, by) => db.transaction(async (sql) => enrol(sql, device, way, by)),
    turnAway: async (ids, by) => db.transaction(async (sql) => turnAway(sql, ids, by)),
    addManufacturer: async (manufacturer, by) =>
      db.transaction(async (sql) => addManufacturer(sql, manufacturer, by)),
    removeManufacturer: async (name, by) =>
      db.transaction(async (sql) => {
        const removed = await sql.run('DELETE FROM manufacturer WHERE tenant = ? AND name = ?', tenant, name);
        if (removed === 0) return false;
        const ofIts = 'DELETE FROM revoked_certificate WHERE tenant = ? AND manufacturer = ?';
        await sql.run(ofIts, tenant, name);
        await writeAudit(sql, { ...by, act: 'manufacturer removed', subject: name });
        return true;
      }),
    revokeCertificates: async (name, serials, by) =>
      db.transaction(async (sql) => revokeCertificates(sql, name, serials, by)),
    manufacturers: async () => manufacturers(db),
    addEnrolmentToken: async (token, by) => db.transaction(async (sql) => addToken(sql, token, by)),
    removeEnrolmentToken: async (name, by) =>
      db.transaction(async (sql) => {
        const text = 'DELETE FROM enrolment_token WHERE tenant = ? AND name = ?';
        if ((await sql.run(text, tenant, name)) === 0) return false;
        await writeAudit(sql, { ...by, act: 'enrolment token revoked', subject: name });
        return true;
      }),
    async enrolmentTokens() {
      const text = 'SELECT * FROM enrolment_token WHERE tenant = ? ORDER BY name';
      return (await db.all(text, tenant)).map(tokenOf);
    },
    async enrolmentToken(id) {
      const row = await db.get('SELECT * FROM enrolment_token WHERE tenant = ? AND id = ?', tenant, id);
      return row === undefined ? undefined : tokenOf(row);
    },
  };
}

async function enrol(sql: Sql, device: Omit<NewDevice, 'approval'>, way: Way, by: Act): Promise<Enrolled> {
  const known = await deviceRow(sql, device.id);
  const end = (found: EnrolEnd): Enrolled => ({ end: found, forgotten: [] });
  if (known !== undefined) {
    if (compareBytes(blob(known, 'public_key'), device.publicKey) !== 0) return end('other-key');
    if (text(known, 'approval') !== 'pending' || way.by === 'approval') return end('known');
  } else {
    const ofKey = 'SELECT id FROM device WHERE tenant = ? AND kid = ?';
    if ((await sql.get(ofKey, sql.tenant, device.kid)) !== undefined) return end('key-in-use');
  }
  if (way.by === 'approval') return wait(sql, device, way, by);
  const refused = await spend(sql, way, by);
  if (refused !== undefined) return end(refused);
  if (known === undefined) await insertDevice(sql, { ...device, approval: 'approved' }, by);
  await sql.run(
    `UPDATE device SET approval = 'approved', admitted_by = ?, admitted_name = ?, admitted_serial = ?
     WHERE tenant = ? AND id = ?`,
    ...[way.by, way.name, way.by === 'manufacturer' ? way.serial : null, sql.tenant, device.id],
  );
  await writeAudit(sql, {
    ...by,
    act: 'device approved',
    subject: device.id,
    detail: admissionText(way),
    isApart: true,
  });
  return end(known === undefined ? 'added' : 'let-in');
}

async function wait(
  sql: Sql,
  device: Omit<NewDevice, 'approval'>,
  { waitingMax, silentBeforeMs }: ApprovalWay,
  by: Act,
): Promise<Enrolled> {
  // The literal lets both databases use the index of those that wait.
  const count = `SELECT count(*) AS count FROM device WHERE tenant = ? AND approval = 'pending'`;
  const waiting = integer((await sql.get(count, sql.tenant)) ?? {}, 'count');
  const silent = `SELECT id FROM device WHERE tenant = ? AND approval = 'pending'
      AND coalesce(last_seen_ms, created_ms) < ?
    ORDER BY coalesce(last_seen_ms, created_ms), id LIMIT ?`;
  const rows = waiting < waitingMax ? [] : await sql.all(silent, sql.tenant, silentBeforeMs, forgottenMax);
  const forgotten = rows.map((row) => text(row, 'id'));
  if (waiting - forgotten.length >= waitingMax) return { end: 'full', forgotten: [] };
  for (const id of forgotten) await forget(sql, id);
  if (forgotten.length > 0) {
    const subject = `${forgotten.length} devices`;
    await writeAudit(sql, { ...by, act: 'silent strangers forgotten', subject, isApart: true });
  }
  await sql.tell(forgotten.map((gone) => ({ kind: 'forgotten', device: gone })));
  await insertDevice(sql, { ...device, approval: 'pending' }, by);
  await writeAudit(sql, { ...by, act: 'device pending', subject: device.id, isApart: true });
  return { end: 'added', forgotten };
}

/** One that waits is in no campaign, and nothing that it said is kept. */
const forget = async (sql: Sql, id: string): Promise<number> =>
  sql.run(`DELETE FROM device WHERE tenant = ? AND id = ? AND approval = 'pending'`, sql.tenant, id);

async function turnAway(sql: Sql, ids: readonly string[], by: Act): Promise<readonly string[]> {
  const turned = await inOrderOf(
    ids,
    (id) => id,
    async (id) => {
      if ((await forget(sql, id)) === 0) return false;
      await writeAudit(sql, { ...by, act: 'device turned away', subject: id });
      return true;
    },
  );
  const gone = ids.filter((_, place) => turned[place]);
  await sql.tell(gone.map((device) => ({ kind: 'forgotten', device })));
  return gone;
}

/** @returns why it can't be. */
async function spend(sql: Sql, way: Exclude<Way, ApprovalWay>, { atMs }: Act): Promise<EnrolEnd | undefined> {
  if (way.by === 'token') {
    // The row is this transaction's from here on: of two that come for the last use, the second finds none.
    const use = `UPDATE enrolment_token SET used = used + 1
      WHERE tenant = ? AND name = ? AND used < uses AND expires_ms > ?`;
    return (await sql.run(use, sql.tenant, way.name, atMs)) === 0 ? 'token-over' : undefined;
  }
  const found = await sql.get(
    `SELECT name FROM manufacturer WHERE tenant = ? AND name = ? AND NOT EXISTS (
       SELECT 1 FROM revoked_certificate WHERE revoked_certificate.tenant = manufacturer.tenant
         AND revoked_certificate.manufacturer = manufacturer.name AND serial = ?)`,
    ...[sql.tenant, way.name, way.serial],
  );
  return found === undefined ? 'manufacturer-gone' : undefined;
}

async function addManufacturer(sql: Sql, manufacturer: Manufacturer, by: Act): Promise<boolean> {
  const { name, certificate, vendor, classes, createdMs } = manufacturer;
  const added = await sql.run(
    `INSERT INTO manufacturer (tenant, name, actor, certificate, vendor, classes, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[sql.tenant, name, by.actor, certificate, vendor, write(Classes, classes), createdMs],
  );
  if (added === 0) return false;
  await writeAudit(sql, { ...by, act: 'manufacturer added', subject: name });
  return true;
}

async function revokeCertificates(
  sql: Sql,
  name: string,
  serials: readonly string[],
  by: Act,
): Promise<readonly string[]> {
  const known = await sql.get(
    'SELECT name FROM manufacturer WHERE tenant = ? AND name = ?',
    sql.tenant,
    name,
  );
  if (known === undefined) return [];
  const letIn: string[] = [];
  for (const serial of serials.toSorted()) {
    await sql.run(
      `INSERT INTO revoked_certificate (tenant, manufacturer, serial, actor, created_ms)
       VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[sql.tenant, name, serial, by.actor, by.atMs],
    );
    const ofIts = `SELECT id FROM device WHERE tenant = ? AND admitted_by = 'manufacturer'
      AND admitted_name = ? AND admitted_serial = ? ORDER BY id`;
    for (const row of await sql.all(ofIts, sql.tenant, name, serial)) letIn.push(text(row, 'id'));
  }
  await writeAudit(sql, { ...by, act: 'certificates revoked', subject: name, detail: serials.join(', ') });
  return freeze(sql, letIn.toSorted(), { ...by, because: certificateRevoked, isApart: true });
}

async function manufacturers(sql: Sql): Promise<readonly Manufacturer[]> {
  const revoked = await sql.all(
    'SELECT manufacturer, serial FROM revoked_certificate WHERE tenant = ? ORDER BY manufacturer, serial',
    sql.tenant,
  );
  const rows = await sql.all('SELECT * FROM manufacturer WHERE tenant = ? ORDER BY name', sql.tenant);
  return rows.map((row) => ({
    name: text(row, 'name'),
    certificate: blob(row, 'certificate'),
    vendor: blob(row, 'vendor'),
    classes: read(Classes, blob(row, 'classes')),
    revoked: revoked.flatMap((each) =>
      text(each, 'manufacturer') === text(row, 'name') ? [text(each, 'serial')] : [],
    ),
    createdMs: integer(row, 'created_ms'),
  }));
}

async function addToken(sql: Sql, token: EnrolmentToken, by: Act): Promise<boolean> {
  const { name, id, hash, vendor, class: product, uses, used, expiresMs, createdMs } = token;
  const added = await sql.run(
    `INSERT INTO enrolment_token
       (tenant, name, actor, id, hash, vendor, class, uses, used, expires_ms, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[sql.tenant, name, by.actor, id, hash, vendor, product, uses, used, expiresMs, createdMs],
  );
  if (added === 0) return false;
  await writeAudit(sql, { ...by, act: 'enrolment token made', subject: name });
  return true;
}

const tokenOf = (row: Row): EnrolmentToken => ({
  name: text(row, 'name'),
  id: blob(row, 'id'),
  hash: blob(row, 'hash'),
  vendor: blob(row, 'vendor'),
  class: blob(row, 'class'),
  uses: integer(row, 'uses'),
  used: integer(row, 'used'),
  expiresMs: integer(row, 'expires_ms'),
  createdMs: integer(row, 'created_ms'),
});
