/** Fleets that move between SQLite and PostgreSQL, both ways. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { systemClock, systemRandom } from '@lapel/transport';
import { createSqliteStore, openPostgresStore } from '../../src/index.ts';
import { fleetTables, openPostgresWhole, openSqliteWhole, ownTables } from '../../src/server/whole/index.ts';
import type { NewDatabase } from '../move-suite.ts';
import { testMoves } from '../move-suite.ts';
import type { PostgresServer } from '../postgres-server.ts';
import { missingPostgres, startPostgres } from '../postgres-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'lapel-move-'));
let server: PostgresServer | undefined;
test.after(async () => {
  rmSync(folder, { recursive: true });
  await server?.stop();
});

let databases = 0;
const newFile: NewDatabase = async () => {
  const path = join(folder, `${databases++}.sqlite`);
  return {
    whole: async () => openSqliteWhole(path),
    store: async (tenant = 'default') => createSqliteStore({ path, tenant }),
    writer: [path],
  };
};

const newDatabase: NewDatabase = async () => {
  server ??= await startPostgres();
  const name = `fleet${databases++}`;
  server.command('createdb', name);
  const url = server.url.replace('db=postgres', `db=${name}`);
  const options = { url, clock: systemClock, random: systemRandom, connectionsMax: 3 };
  return {
    whole: async () => openPostgresWhole(options),
    store: async (tenant = 'default') => openPostgresStore({ ...options, tenant }),
    writer: ['', url],
  };
};

const skip = missingPostgres;
testMoves('SQLite to PostgreSQL', [newFile, newDatabase], { skip });
testMoves('PostgreSQL to SQLite', [newDatabase, newFile], { skip });

test('every table of a store is moved, or is its own', { skip }, async () => {
  const own = new Set(ownTables);
  const moved = fleetTables.map(({ name }) => name).toSorted();
  const file = await (await newFile()).whole();
  const inFile = await file.sql.all(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
  );
  const database = await (await newDatabase()).whole();
  const inDatabase = await database.sql.all(
    `SELECT tablename AS name FROM pg_tables
     WHERE schemaname = current_schema() AND tablename NOT LIKE 'report_%'`,
  );
  for (const found of [inFile, inDatabase]) {
    const names = found.map(({ name }) => String(name)).filter((name) => !own.has(name));
    assert.deepEqual(names.toSorted(), moved);
  }
  for (const name of moved)
    assert.deepEqual(await file.columnsOf(name), await database.columnsOf(name), name);
  await file.close();
  await database.close();
});
