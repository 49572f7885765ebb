/** A FleetStore in one SQLite file: the embedded default. What it has answered is on the disk. */
import { memoryLeases } from './leases.ts';
import { noNews } from './news.ts';
import { createSqlStore } from './sql-store.ts';
import type { SqliteFile } from './sqlite-sql.ts';
import { openSqlite } from './sqlite-sql.ts';
import type { FleetStore } from './store.ts';
import type { Fleets } from './tenants.ts';
import { fleetsOf } from './tenants.ts';

export interface SqliteStoreOptions {
  /** A file, or `:memory:`. */
  readonly path: string;
  readonly tenant?: string;
}

/** @throws {SchemaError} */
export function createSqliteStore({ path, tenant = 'default' }: SqliteStoreOptions): FleetStore {
  const file = openSqlite(path);
  return storeIn(file, tenant, async () => file.close());
}

/** The fleets of all tenants in one file. @throws {SchemaError}. */
export function createSqliteFleets({ path }: Pick<SqliteStoreOptions, 'path'>): Fleets {
  const file = openSqlite(path);
  return fleetsOf(
    (tenant) => storeIn(file, tenant, async () => undefined),
    async () => file.close(),
  );
}

const storeIn = (file: SqliteFile, tenant: string, close: () => Promise<void>): FleetStore =>
  createSqlStore(file.of(tenant), { ...memoryLeases(), ...noNews, close });
