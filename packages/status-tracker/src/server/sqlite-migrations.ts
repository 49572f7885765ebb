/**
 * The tables of the store in SQLite, by numbered migrations: `user_version` says how many of them a file
 * has seen. A migration that has been released is never changed; a new one is added behind it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { SchemaError } from './sql.ts';
import { asleepMs } from './sql-turns.ts';

/**
 * @param to a lower number makes a file as an older program left it
 * @throws {SchemaError}
 */
export function migrate(db: DatabaseSync, to = migrations.length): void {
  const row = db.prepare('PRAGMA user_version').get();
  const found = Number(row?.['user_version']);
  if (found > migrations.length) {
    throw new SchemaError(migrations.length, found);
  }
  for (const [index, migration] of migrations.slice(0, to).entries()) {
    if (index < found) continue;
    db.exec(`BEGIN IMMEDIATE; ${migration}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}

/** Members are counted as they move, so that a plan costs nothing in proportion to the fleet. */
const countMembers = `
CREATE TRIGGER member_added AFTER INSERT ON member BEGIN
  INSERT INTO member_count VALUES (NEW.tenant, NEW.campaign, NEW.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER member_moved AFTER UPDATE OF status ON member WHEN OLD.status <> NEW.status BEGIN
  UPDATE member_count SET count = count - 1
    WHERE tenant = OLD.tenant AND campaign = OLD.campaign AND status = OLD.status;
  INSERT INTO member_count VALUES (NEW.tenant, NEW.campaign, NEW.status, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;`;

/** What was said and what was done is never changed and never deleted. */
const appendOnly = (...tables: readonly string[]) =>
  tables
    .flatMap((table) =>
      ['UPDATE', 'DELETE'].map(
        (verb) => `CREATE TRIGGER ${table}_no_${verb.toLowerCase()} BEFORE ${verb} ON ${table} BEGIN
        SELECT RAISE(ABORT, '${table} is append-only'); END;`,
      ),
    )
    .join('\n');

const migrations: readonly string[] = [
  `
CREATE TABLE device (
  tenant TEXT NOT NULL, id TEXT NOT NULL, actor TEXT NOT NULL,
  public_key BLOB NOT NULL, kid BLOB NOT NULL, vendor BLOB NOT NULL, class BLOB NOT NULL,
  approval TEXT NOT NULL, created_ms INTEGER NOT NULL, update_mode TEXT NOT NULL,
  token_hash BLOB, session_started_ms INTEGER, counter INTEGER, last_seen_ms INTEGER,
  inventory BLOB, inventory_ms INTEGER, version TEXT, state TEXT, last_error TEXT,
  PRIMARY KEY (tenant, id), UNIQUE (tenant, kid)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_class ON device (tenant, vendor, class, approval);

CREATE TABLE campaign (
  tenant TEXT NOT NULL, id TEXT NOT NULL, actor TEXT NOT NULL,
  signed BLOB NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  accepted_ms INTEGER NOT NULL,
  digest BLOB NOT NULL, sequence_number INTEGER NOT NULL, image_bytes INTEGER NOT NULL,
  components BLOB NOT NULL, uri TEXT NOT NULL,
  state TEXT NOT NULL, because TEXT, generation INTEGER NOT NULL, order_number INTEGER NOT NULL,
  forgiven_finished INTEGER NOT NULL, forgiven_failed INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_by_age ON campaign (tenant, created_ms, id);

CREATE TABLE member (
  tenant TEXT NOT NULL, campaign TEXT NOT NULL, device TEXT NOT NULL, actor TEXT NOT NULL,
  place INTEGER NOT NULL, status TEXT NOT NULL, generation INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
  because TEXT, nonce BLOB, offered_ms INTEGER, expires_ms INTEGER,
  PRIMARY KEY (tenant, campaign, device)
) STRICT, WITHOUT ROWID;
-- Queries name these two indices: without statistics, SQLite takes a tenant to have few rows.
CREATE INDEX member_by_status ON member (tenant, campaign, status, place, device);
CREATE INDEX member_by_device ON member (tenant, device);

CREATE TABLE member_count (
  tenant TEXT NOT NULL, campaign TEXT NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (tenant, campaign, status)
) STRICT, WITHOUT ROWID;
${countMembers}

CREATE TABLE offer (
  tenant TEXT NOT NULL, nonce BLOB NOT NULL, actor TEXT NOT NULL,
  campaign TEXT NOT NULL, device TEXT NOT NULL, generation INTEGER NOT NULL, offered_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (
  number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
  hash BLOB NOT NULL, at_ms INTEGER NOT NULL, campaign TEXT, outcome TEXT NOT NULL, signed BLOB NOT NULL,
  UNIQUE (tenant, kind, hash)
) STRICT;
CREATE INDEX report_by_device ON report (tenant, actor, number);

CREATE TABLE access_grant (
  tenant TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,
  hash BLOB NOT NULL, roles TEXT NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL,
  act TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant, number);
${appendOnly('offer', 'report', 'audit')}`,
  // An inventory may hold measurements from here on, too. A program that can't read them must not open the
  // file.
  'ALTER TABLE report ADD COLUMN replay TEXT; ALTER TABLE report ADD COLUMN replay_because TEXT',
  // The transparency log: its entries, and the nodes of the tree over them that are full.
  `
CREATE TABLE log_entry (
  tenant TEXT NOT NULL, number INTEGER NOT NULL, entry BLOB NOT NULL, hash BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, number), UNIQUE (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_node (
  tenant TEXT NOT NULL, level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (tenant, level, place)
) STRICT, WITHOUT ROWID;
${appendOnly('log_entry', 'log_node')}`,
  // What devices said as they registered, and last to an offer.
  `
ALTER TABLE device ADD COLUMN statement BLOB;
ALTER TABLE device ADD COLUMN answer BLOB;
ALTER TABLE device ADD COLUMN answered_ms INTEGER`,
  // How far a campaign is beyond its members, its urgency (smaller is more urgent), and windows.
  `
ALTER TABLE campaign ADD COLUMN progress BLOB;
ALTER TABLE campaign ADD COLUMN urgency INTEGER NOT NULL DEFAULT 3;
ALTER TABLE member ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0`,
  // The ways into the fleet, by which of them a device came, and how often it has started.
  `
CREATE TABLE manufacturer (
  tenant TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,
  certificate BLOB NOT NULL, vendor BLOB NOT NULL, classes BLOB NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, name), UNIQUE (tenant, certificate)
) STRICT, WITHOUT ROWID;
CREATE TABLE revoked_certificate (
  tenant TEXT NOT NULL, manufacturer TEXT NOT NULL, serial TEXT NOT NULL, actor TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, manufacturer, serial)
) STRICT, WITHOUT ROWID;
CREATE TABLE enrolment_token (
  tenant TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,
  id BLOB NOT NULL, hash BLOB NOT NULL, vendor BLOB NOT NULL, class BLOB NOT NULL,
  uses INTEGER NOT NULL, used INTEGER NOT NULL, expires_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, name), UNIQUE (tenant, id)
) STRICT, WITHOUT ROWID;
ALTER TABLE device ADD COLUMN admitted_by TEXT;
ALTER TABLE device ADD COLUMN admitted_name TEXT;
ALTER TABLE device ADD COLUMN admitted_serial TEXT;
ALTER TABLE device ADD COLUMN starts INTEGER;
CREATE INDEX device_that_waits ON device (tenant, last_seen_ms) WHERE approval = 'pending';
CREATE INDEX device_by_certificate ON device (tenant, admitted_name, admitted_serial)
  WHERE admitted_by = 'manufacturer'`,
  // Whether the fleet moves to another store, or comes from one; the store's own, not a tenant's.
  `
CREATE TABLE fleet_move (
  id TEXT PRIMARY KEY, role TEXT NOT NULL, state TEXT NOT NULL, other TEXT NOT NULL,
  holder TEXT, until_ms INTEGER
) STRICT, WITHOUT ROWID`,
  // What operators have said of the newest releases. Devices may have told more in check-ins and answers.
  `
CREATE TABLE newest_release (
  tenant TEXT NOT NULL, vendor BLOB NOT NULL, class BLOB NOT NULL, actor TEXT NOT NULL,
  digest BLOB NOT NULL, manifest_digest BLOB NOT NULL, sequence_number INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, signed BLOB NOT NULL,
  PRIMARY KEY (tenant, vendor, class)
) STRICT, WITHOUT ROWID`,
  // Why a campaign is as urgent as it is.
  'ALTER TABLE campaign ADD COLUMN urgency_because TEXT',
  // What operators call devices by, as a JSON object.
  'ALTER TABLE device ADD COLUMN tags TEXT',
  // When the planner looks at a member next, so that it looks at no other.
  `
ALTER TABLE member ADD COLUMN look_ms INTEGER NOT NULL DEFAULT 0;
DROP INDEX member_by_status;
CREATE INDEX member_by_turn ON member (tenant, campaign, status, look_ms, place, device);
CREATE INDEX member_asleep ON member (tenant, device) WHERE look_ms = ${asleepMs}`,
  // From here on what operators do is a chain; what stands in the audit before it is in none.
  `
ALTER TABLE audit ADD COLUMN place INTEGER;
ALTER TABLE audit ADD COLUMN roles TEXT;
ALTER TABLE audit ADD COLUMN hash BLOB;
CREATE UNIQUE INDEX audit_by_place ON audit (tenant, place)`,
  // Secrets that are shared with devices, for OSCORE, and which numbers were used under them.
  `
CREATE TABLE channel (
  tenant TEXT NOT NULL, device TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,
  secret BLOB NOT NULL, next_number INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, device), UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID`,
  // Secrets of challenges that several processes share, and which were used; the store's own, for minutes.
  `
CREATE TABLE challenge_secret (
  tenant TEXT NOT NULL, number INTEGER NOT NULL, secret BLOB NOT NULL,
  PRIMARY KEY (tenant, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE used_challenge (
  tenant TEXT NOT NULL, number INTEGER NOT NULL, mac BLOB NOT NULL,
  PRIMARY KEY (tenant, number, mac)
) STRICT, WITHOUT ROWID`,
  // What waits to be told to receivers outside, and for whom; the store's own, until they have taken it.
  `
CREATE TABLE webhook (
  tenant TEXT NOT NULL, name TEXT NOT NULL, kept_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, receiver TEXT NOT NULL,
  told TEXT NOT NULL, delivery INTEGER
) STRICT;
CREATE INDEX outbox_by_receiver ON outbox (tenant, receiver, number);
CREATE INDEX outbox_under_way ON outbox (tenant, receiver, number) WHERE delivery IS NOT NULL`,
];
