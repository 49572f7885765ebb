/** A FleetStore in PostgreSQL: several trackers share one fleet, each tenant sees its own. */
import { sqlLeases } from './leases.ts';
import { migratePostgres } from './postgres-migrations.ts';
import { newsOf } from './postgres-news.ts';
import type { PostgresOptions } from './postgres-sql.ts';
import { openPostgres } from './postgres-sql.ts';
import { createSqlStore } from './sql-store.ts';
import type { FleetStore } from './store.ts';

export interface PostgresStoreOptions extends PostgresOptions {
  readonly tenant?: string;
}

/** @throws {RangeError} where the database is of a newer version. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<FleetStore> {
  const { tenant = 'default' } = options;
  const database = await openPostgres(options);
  try {
    await migratePostgres(database.of(tenant));
  } catch (error) {
    await database.close();
    throw error;
  }
  const sql = database.of(tenant);
  return createSqlStore(sql, {
    ...sqlLeases(sql),
    ...newsOf(database.connect, tenant, database.name, options.clock),
    close: database.close,
  });
}
