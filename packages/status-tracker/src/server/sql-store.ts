/** The FleetStore in SQL, written once: what it runs on is a dialect. */
import { enrolmentMethods } from './enrolment/sql-enrolment.ts';
import { sqlChallenges } from './sql-challenges.ts';
import { sqlChannels } from './sql-channels.ts';
import type { LeaseStore } from './leases.ts';
import { puttingOut, sqlOutbox } from './outbox/sql-outbox.ts';
import type { NewsStore } from './news.ts';
import type { Sql } from './sql.ts';
import { accessMethods } from './sql-access.ts';
import { campaignMethods } from './sql-campaigns.ts';
import { deviceMethods } from './sql-devices.ts';
import { recordMethods } from './sql-evidence.ts';
import { joinMethods } from './sql-join.ts';
import { logMethods } from './sql-log.ts';
import { planMethods } from './sql-plan.ts';
import { statementMethods } from './sql-statements.ts';
import type { FleetStore } from './store.ts';
import { sqlWhereabouts } from './whereabouts.ts';

/** What each database has in a way of its own. */
export type OwnWays = LeaseStore & NewsStore & Pick<FleetStore, 'close'>;

export function createSqlStore(db: Sql, own: OwnWays): FleetStore {
  const sql = puttingOut(db);
  return {
    ...deviceMethods(sql),
    ...recordMethods(sql),
    ...campaignMethods(sql),
    ...joinMethods(sql),
    ...planMethods(sql),
    ...accessMethods(sql),
    ...enrolmentMethods(sql),
    ...logMethods(sql),
    ...sqlChallenges(sql),
    ...sqlChannels(sql),
    ...sqlWhereabouts(sql),
    ...statementMethods(sql),
    ...sqlOutbox(sql),
    ...own,
  };
}
