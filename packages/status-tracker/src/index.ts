/**
 * The status tracker (RFC 9019 §2.3): it knows the fleet, and decides who updates when, by campaigns that
 * operators have signed. A device registers with its key, says what it runs (check-in), asks what it should
 * run (offer) and proves what came of it (report); `plan` proposes the next offers, `carry-out` makes them.
 * This is the front door of the server half; `./operators` is its API over HTTP, `./client` the half in the
 * device, `./protocol` what passes between them.
 */
export { createAccess } from './server/access.ts';
export type { Access } from './server/access.ts';
export { acceptCampaign, acceptOrder } from './server/campaign.ts';
export type { CampaignState, CampaignView, Release, Releases } from './server/campaign.ts';
export { readPublicKey } from './server/desk.ts';
export type { Desk } from './server/desk.ts';
export type { Provision } from './server/device-desk.ts';
export { explain } from './server/explain.ts';
export {
  addressed,
  failedOf,
  finishedOf,
  isLive,
  memberStatuses,
  offersMax,
  runningVersion,
} from './server/fleet.ts';
export type {
  Change,
  DeviceStatus,
  DeviceView,
  Inventory,
  Member,
  MemberStatus,
  Target,
  Totals,
} from './server/fleet.ts';
export { notifyLimits } from './server/notify.ts';
export type { NotifyLimits } from './server/notify.ts';
export { plan } from './server/plan.ts';
export type { Step } from './server/plan.ts';
export { createMemoryFleets, createMemoryStore } from './server/store-memory.ts';
export { openPostgresFleets, openPostgresStore } from './server/store-postgres.ts';
export type { PostgresStoreOptions } from './server/store-postgres.ts';
export { isTenantName } from './server/tenants.ts';
export type { Fleets } from './server/tenants.ts';
export { createSqliteFleets, createSqliteStore } from './server/store-sqlite.ts';
export type { FirmwareServerAt } from './server/firmware-servers.ts';
export { proveInThread } from './server/thread/proofs-in-thread.ts';
export type { ThreadOfProofs } from './server/thread/proofs-in-thread.ts';
export { openSqliteInThread } from './server/thread/store-in-thread.ts';
export type { Proofs } from './server/proofs.ts';
export type { SqliteStoreOptions } from './server/store-sqlite.ts';
export { roleNames } from './server/store.ts';
export type { AccessGrant, AuditEntry, Evidence, FleetStore, Role } from './server/store.ts';
export { SchemaError } from './server/sql.ts';
export { createStatusTracker } from './server/tracker.ts';
export type { StatusTracker, StatusTrackerOptions } from './server/tracker.ts';
export type { StateChange, Watch } from './server/watch.ts';
export type { LogStore, LoggedEntry, TransparencyLog } from './server/log.ts';
export { isConsistent, isIncluded, leafHash, rootOver } from './transparency/merkle-tree.ts';
export { LogEntry, encodeLogEntry, entryOfSigned, openTreeHead } from './transparency/tree-head.ts';
export { chainStart, linked } from './transparency/audit-chain.ts';
export type { AuditLink } from './transparency/audit-chain.ts';
export type { LogKind, TreeHead } from './transparency/tree-head.ts';
