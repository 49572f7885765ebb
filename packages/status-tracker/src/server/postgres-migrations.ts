/**
 * The tables of the store in PostgreSQL, by numbered migrations. They are those of SQLite, with the types
 * that PostgreSQL has for them; texts are ordered by their bytes, as in every other store.
 */
import type { Sql } from './sql.ts';
import { SchemaError } from './sql.ts';
import { asleepMs } from './sql-turns.ts';
import { integer } from './sql-rows.ts';

/** @throws {SchemaError} */
export async function migratePostgres(sql: Sql): Promise<void> {
  await sql.transaction(async (within) => within.run(createVersion));
  await sql.transaction(async (within) => {
    // Trackers that start at once take turns; the lock comes before the transaction looks at anything.
    await within.run('LOCK TABLE store_version IN EXCLUSIVE MODE');
    const row = await within.get('SELECT coalesce(max(number), 0) AS number FROM store_version');
    const found = integer(row ?? {}, 'number');
    if (found > migrations.length) {
      throw new SchemaError(migrations.length, found);
    }
    for (const [index, statements] of migrations.entries()) {
      if (index < found) continue;
      for (const statement of statements) await within.run(statement);
      await within.run('INSERT INTO store_version (number) VALUES (?)', index + 1);
    }
  });
}

const createVersion = 'CREATE TABLE IF NOT EXISTS store_version (number BIGINT PRIMARY KEY)';

/**
 * Members are counted as they move: each statement adds what it has changed as rows of its own, so that no
 * two transactions wait for one counter. Who plans a campaign sums them up now and then.
 */
const countMembers = [
  `CREATE FUNCTION member_added() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
     INSERT INTO member_count (tenant, campaign, status, count)
       SELECT tenant, campaign, status, count(*) FROM added GROUP BY tenant, campaign, status;
     RETURN NULL;
   END $body$`,
  `CREATE TRIGGER member_added AFTER INSERT ON member REFERENCING NEW TABLE AS added
     FOR EACH STATEMENT EXECUTE FUNCTION member_added()`,
  `CREATE FUNCTION member_moved() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
     INSERT INTO member_count (tenant, campaign, status, count)
       SELECT tenant, campaign, status, sum(step) FROM (
         SELECT tenant, campaign, status, -1 AS step FROM was
         UNION ALL SELECT tenant, campaign, status, 1 AS step FROM now_is) AS moves
       GROUP BY tenant, campaign, status HAVING sum(step) <> 0;
     RETURN NULL;
   END $body$`,
  `CREATE TRIGGER member_moved AFTER UPDATE ON member
     REFERENCING OLD TABLE AS was NEW TABLE AS now_is
     FOR EACH STATEMENT EXECUTE FUNCTION member_moved()`,
];

/** What was said and what was done is never changed and never deleted; a table is not emptied either. */
const refuseChange = `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $body$`;
const appendOnly = (...tables: readonly string[]) =>
  tables.map(
    (table) => `CREATE TRIGGER ${table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`,
  );

/** By device: what one has said lies together, and no part's indexes outgrow the memory. */
const reportParts = 16;
const namesOfParts = Array.from({ length: reportParts }, (_, part) => `report_${part}`);
const partsOfReport = namesOfParts.map(
  (name, part) =>
    `CREATE TABLE ${name} PARTITION OF report FOR VALUES WITH (MODULUS ${reportParts}, REMAINDER ${part})`,
);

const id = 'TEXT COLLATE "C" NOT NULL';

const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE device (
       tenant ${id}, id ${id}, actor TEXT NOT NULL,
       public_key BYTEA NOT NULL, kid BYTEA NOT NULL, vendor BYTEA NOT NULL, class BYTEA NOT NULL,
       approval TEXT NOT NULL, created_ms BIGINT NOT NULL, update_mode TEXT NOT NULL,
       token_hash BYTEA, session_started_ms BIGINT, counter BIGINT, last_seen_ms BIGINT,
       inventory BYTEA, inventory_ms BIGINT, version TEXT, state TEXT, last_error TEXT,
       PRIMARY KEY (tenant, id), UNIQUE (tenant, kid))`,
    'CREATE INDEX device_by_class ON device (tenant, vendor, class, approval)',
    `CREATE TABLE campaign (
       tenant ${id}, id ${id}, actor TEXT NOT NULL,
       signed BYTEA NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
       accepted_ms BIGINT NOT NULL,
       digest BYTEA NOT NULL, sequence_number BIGINT NOT NULL, image_bytes BIGINT NOT NULL,
       components BYTEA NOT NULL, uri TEXT NOT NULL,
       state TEXT NOT NULL, because TEXT, generation BIGINT NOT NULL, order_number BIGINT NOT NULL,
       forgiven_finished BIGINT NOT NULL, forgiven_failed BIGINT NOT NULL,
       PRIMARY KEY (tenant, id))`,
    'CREATE INDEX campaign_by_age ON campaign (tenant, created_ms, id)',
    `CREATE TABLE member (
       tenant ${id}, campaign ${id}, device ${id}, actor TEXT NOT NULL,
       place BIGINT NOT NULL, status TEXT NOT NULL, generation BIGINT NOT NULL, changed_ms BIGINT NOT NULL,
       because TEXT, nonce BYTEA, offered_ms BIGINT, expires_ms BIGINT,
       PRIMARY KEY (tenant, campaign, device))`,
    'CREATE INDEX member_by_status ON member (tenant, campaign, status, place, device)',
    'CREATE INDEX member_by_device ON member (tenant, device)',
    `CREATE TABLE member_count (
       tenant ${id}, campaign ${id}, status TEXT NOT NULL, count BIGINT NOT NULL)`,
    'CREATE INDEX member_count_by_campaign ON member_count (tenant, campaign)',
    ...countMembers,
    `CREATE TABLE offer (
       tenant ${id}, nonce BYTEA NOT NULL, actor TEXT NOT NULL, campaign ${id}, device ${id},
       generation BIGINT NOT NULL, offered_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, nonce))`,
    `CREATE TABLE report (
       number BIGINT NOT NULL DEFAULT 0, tenant ${id}, actor ${id}, kind TEXT NOT NULL,
       hash BYTEA NOT NULL, at_ms BIGINT NOT NULL, campaign TEXT, outcome TEXT NOT NULL,
       replay TEXT, replay_because TEXT, signed BYTEA NOT NULL,
       UNIQUE (tenant, kind, hash, actor)) PARTITION BY HASH (actor)`,
    ...partsOfReport,
    'CREATE SEQUENCE report_number',
    `ALTER TABLE report ALTER COLUMN number SET DEFAULT nextval('report_number')`,
    'CREATE INDEX report_by_device ON report (tenant, actor, number)',
    `CREATE TABLE access_grant (
       tenant ${id}, name ${id}, actor TEXT NOT NULL,
       hash BYTEA NOT NULL, roles TEXT NOT NULL, created_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, name))`,
    `CREATE TABLE audit (
       number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant ${id}, actor TEXT NOT NULL,
       at_ms BIGINT NOT NULL, act TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT)`,
    'CREATE INDEX audit_by_tenant ON audit (tenant, number)',
    `CREATE TABLE log_entry (
       tenant ${id}, number BIGINT NOT NULL, entry BYTEA NOT NULL, hash BYTEA NOT NULL, at_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, number), UNIQUE (tenant, hash))`,
    `CREATE TABLE log_node (
       tenant ${id}, level BIGINT NOT NULL, place BIGINT NOT NULL, hash BYTEA NOT NULL,
       PRIMARY KEY (tenant, level, place))`,
    `CREATE TABLE lease (
       tenant ${id}, name ${id}, holder TEXT NOT NULL, until_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, name))`,
    refuseChange,
    // A trigger on the whole does not see what is done to a part by its own name.
    ...appendOnly('offer', 'report', ...namesOfParts, 'audit', 'log_entry', 'log_node'),
  ],
  // What devices said as they registered, and last to an offer.
  ['ALTER TABLE device ADD COLUMN statement BYTEA, ADD COLUMN answer BYTEA, ADD COLUMN answered_ms BIGINT'],
  // How far a campaign is beyond its members, its urgency (smaller is more urgent), and windows.
  [
    'ALTER TABLE campaign ADD COLUMN progress BYTEA, ADD COLUMN urgency BIGINT NOT NULL DEFAULT 3',
    'ALTER TABLE member ADD COLUMN not_before_ms BIGINT NOT NULL DEFAULT 0',
  ],
  // The ways into the fleet, by which of them a device came, and how often it has started.
  [
    `CREATE TABLE manufacturer (
       tenant ${id}, name ${id}, actor TEXT NOT NULL,
       certificate BYTEA NOT NULL, vendor BYTEA NOT NULL, classes BYTEA NOT NULL, created_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, name))`,
    // A certificate may be longer than what an index takes.
    'CREATE UNIQUE INDEX manufacturer_by_certificate ON manufacturer (tenant, sha256(certificate))',
    `CREATE TABLE revoked_certificate (
       tenant ${id}, manufacturer ${id}, serial ${id}, actor TEXT NOT NULL, created_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, manufacturer, serial))`,
    `CREATE TABLE enrolment_token (
       tenant ${id}, name ${id}, actor TEXT NOT NULL,
       id BYTEA NOT NULL, hash BYTEA NOT NULL, vendor BYTEA NOT NULL, class BYTEA NOT NULL,
       uses BIGINT NOT NULL, used BIGINT NOT NULL, expires_ms BIGINT NOT NULL, created_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, name), UNIQUE (tenant, id))`,
    `ALTER TABLE device ADD COLUMN admitted_by TEXT, ADD COLUMN admitted_name TEXT,
       ADD COLUMN admitted_serial TEXT, ADD COLUMN starts BIGINT`,
    `CREATE INDEX device_that_waits ON device (tenant, last_seen_ms) WHERE approval = 'pending'`,
    `CREATE INDEX device_by_certificate ON device (tenant, admitted_name, admitted_serial)
       WHERE admitted_by = 'manufacturer'`,
  ],
  // Whether the fleet moves to another store, or comes from one; the store's own, not a tenant's.
  [
    `CREATE TABLE fleet_move (
       id TEXT PRIMARY KEY, role TEXT NOT NULL, state TEXT NOT NULL, other TEXT NOT NULL,
       holder TEXT, until_ms BIGINT)`,
  ],
  // What operators have said of the newest releases. Devices may have told more in check-ins and answers.
  [
    `CREATE TABLE newest_release (
       tenant ${id}, vendor BYTEA NOT NULL, class BYTEA NOT NULL, actor TEXT NOT NULL,
       digest BYTEA NOT NULL, manifest_digest BYTEA NOT NULL, sequence_number BIGINT NOT NULL,
       created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, signed BYTEA NOT NULL,
       PRIMARY KEY (tenant, vendor, class))`,
  ],
  // Why a campaign is as urgent as it is.
  ['ALTER TABLE campaign ADD COLUMN urgency_because TEXT'],
  // What operators call devices by, as a JSON object.
  ['ALTER TABLE device ADD COLUMN tags TEXT'],
  // When the planner looks at a member next, so that it looks at no other.
  [
    'ALTER TABLE member ADD COLUMN look_ms BIGINT NOT NULL DEFAULT 0',
    'DROP INDEX member_by_status',
    'CREATE INDEX member_by_turn ON member (tenant, campaign, status, look_ms, place, device)',
    `CREATE INDEX member_asleep ON member (tenant, device) WHERE look_ms = ${asleepMs}`,
  ],
  // From here on what operators do is a chain; what stands in the audit before it is in none.
  [
    'ALTER TABLE audit ADD COLUMN place BIGINT, ADD COLUMN roles TEXT, ADD COLUMN hash BYTEA',
    'CREATE UNIQUE INDEX audit_by_place ON audit (tenant, place)',
  ],
  // Secrets that are shared with devices, for OSCORE, and which numbers were used under them.
  [
    `CREATE TABLE channel (
       tenant ${id}, device ${id}, name TEXT NOT NULL, actor TEXT NOT NULL,
       secret BYTEA NOT NULL, next_number BIGINT NOT NULL, created_ms BIGINT NOT NULL,
       PRIMARY KEY (tenant, device), UNIQUE (tenant, name))`,
  ],
  // Secrets of challenges that several processes share, and which were used; the store's own, for minutes.
  [
    `CREATE TABLE challenge_secret (
       tenant ${id}, number BIGINT NOT NULL, secret BYTEA NOT NULL,
       PRIMARY KEY (tenant, number))`,
    `CREATE TABLE used_challenge (
       tenant ${id}, number BIGINT NOT NULL, mac BYTEA NOT NULL,
       PRIMARY KEY (tenant, number, mac))`,
  ],
  // What waits to be told to receivers outside, and for whom; the store's own, until they have taken it.
  [
    `CREATE TABLE webhook (tenant ${id}, name ${id}, kept_ms BIGINT NOT NULL, PRIMARY KEY (tenant, name))`,
    `CREATE TABLE outbox (
       number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant ${id}, receiver ${id},
       told TEXT NOT NULL, delivery BIGINT)`,
    'CREATE INDEX outbox_by_receiver ON outbox (tenant, receiver, number)',
    `CREATE INDEX outbox_under_way ON outbox (tenant, receiver, number) WHERE delivery IS NOT NULL`,
  ],
];
