/** The FleetStore in SQL, written once: what it runs on is a dialect. */
import type { Sql } from './sql.ts';
import { accessMethods } from './sql-access.ts';
import { campaignMethods } from './sql-campaigns.ts';
import { deviceMethods } from './sql-devices.ts';
import { recordMethods } from './sql-evidence.ts';
import { joinMethods } from './sql-join.ts';
import { logMethods } from './sql-log.ts';
import { planMethods } from './sql-plan.ts';
import type { FleetStore } from './store.ts';

export const createSqlStore = (sql: Sql, close: () => Promise<void>): FleetStore => ({
  ...deviceMethods(sql),
  ...recordMethods(sql),
  ...campaignMethods(sql),
  ...joinMethods(sql),
  ...planMethods(sql),
  ...accessMethods(sql),
  ...logMethods(sql),
  close,
});
