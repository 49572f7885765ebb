/** Where this room's tests look for it. */
export { missingPostgres, startPostgres } from '../../../tools/postgres-server.ts';
export type { PostgresServer } from '../../../tools/postgres-server.ts';
