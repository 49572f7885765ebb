/**
 * Whole stores, with the fleets of all tenants in them: moved to another database while devices go on, and
 * read and written for a backup. For those who look after a store; a tracker needs nothing of it.
 */
export { SchemaError } from '../sql.ts';
export type { Whereabouts } from '../whereabouts.ts';
export type { Sql, SqlValue } from '../sql.ts';
export { beginFilling, whereaboutsOf } from './fill.ts';
export type { Filled, Filling } from './fill.ts';
export { moveFleet } from './move.ts';
export type { MoveOptions, MoveProgress, Moved } from './move.ts';
export { MoveError, callOff } from './move-state.ts';
export type { MoveErrorKind, Named } from './move-state.ts';
export { countRows, fleetTables, isEmpty, ownTables, pagesOf, writeRows } from './tables.ts';
export type { Columns, Counts, FleetTable, Values } from './tables.ts';
export { openPostgresWhole, openSqliteWhole } from './whole-store.ts';
export type { WholeStore } from './whole-store.ts';
