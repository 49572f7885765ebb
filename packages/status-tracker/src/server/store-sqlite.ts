/** A FleetStore in one SQLite file: the embedded default. What it has answered is on the disk. */
import { accessMethods } from './sqlite-access.ts';
import { campaignMethods } from './sqlite-campaigns.ts';
import { openDatabase } from './sqlite-database.ts';
import { deviceMethods, recordMethods } from './sqlite-devices.ts';
import { logMethods } from './sqlite-log.ts';
import { planMethods } from './sqlite-plan.ts';
import type { FleetStore } from './store.ts';

export interface SqliteStoreOptions {
  /** A file, or `:memory:`. */
  readonly path: string;
  readonly tenant?: string;
}

/** @throws {RangeError} where the file is of a newer version. */
export function createSqliteStore({ path, tenant = 'default' }: SqliteStoreOptions): FleetStore {
  const db = openDatabase(path, tenant);
  return {
    ...deviceMethods(db),
    ...recordMethods(db),
    ...campaignMethods(db),
    ...planMethods(db),
    ...accessMethods(db),
    ...logMethods(db),
    close: async () => db.close(),
  };
}
