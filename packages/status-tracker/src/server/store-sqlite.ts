/** A FleetStore in one SQLite file: the embedded default. What it has answered is on the disk. */
import { memoryLeases } from './leases.ts';
import { noNews } from './news.ts';
import { createSqlStore } from './sql-store.ts';
import { openSqlite } from './sqlite-sql.ts';
import type { FleetStore } from './store.ts';

export interface SqliteStoreOptions {
  /** A file, or `:memory:`. */
  readonly path: string;
  readonly tenant?: string;
}

/** @throws {RangeError} where the file is of a newer version. */
export function createSqliteStore({ path, tenant = 'default' }: SqliteStoreOptions): FleetStore {
  const file = openSqlite(path);
  return createSqlStore(file.of(tenant), {
    ...memoryLeases(),
    ...noNews,
    close: async () => file.close(),
  });
}
