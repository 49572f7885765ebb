/** A FleetStore in PostgreSQL: several trackers share one fleet, each tenant sees its own. */
import { sqlLeases } from './leases.ts';
import { migratePostgres } from './postgres-migrations.ts';
import { newsOf } from './postgres-news.ts';
import type { PostgresDatabase, PostgresOptions } from './postgres-sql.ts';
import { openPostgres } from './postgres-sql.ts';
import { createSqlStore } from './sql-store.ts';
import type { FleetStore } from './store.ts';
import type { Fleets } from './tenants.ts';
import { fleetsOf } from './tenants.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  readonly tenant?: string;
}

/** @throws {SchemaError} */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<FleetStore> {
  const database = await openMigrated(options);
  return storeIn(database, options, options.tenant ?? 'default', database.close);
}

/** The fleets of all tenants in one database. @throws {SchemaError}. */
export async function openPostgresFleets(options: PostgresOptions): Promise<Fleets> {
  const database = await openMigrated(options);
  return fleetsOf((tenant) => storeIn(database, options, tenant, async () => undefined), database.close);
}

async function openMigrated(options: PostgresOptions): Promise<PostgresDatabase> {
  const database = await openPostgres(options);
  try {
    await migratePostgres(database.of('default'));
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

function storeIn(
  database: PostgresDatabase,
  { clock }: PostgresOptions,
  tenant: string,
  close: () => Promise<void>,
): FleetStore {
  const sql = database.of(tenant);
  const { connect, name } = database;
  return createSqlStore(sql, { ...sqlLeases(sql), ...newsOf(connect, tenant, name, clock), close });
}
