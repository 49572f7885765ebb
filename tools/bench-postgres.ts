/** The PostgreSQL server of the figures: one for all of them, each with a tenant of its own. */
import type { PostgresServer } from './postgres-server.ts';
import { missingPostgres, startPostgres } from './postgres-server.ts';

export { missingPostgres } from './postgres-server.ts';

let server: Promise<PostgresServer> | undefined;
let tenants = 0;

export async function benchPostgres(): Promise<{ readonly url: string; readonly tenant: string }> {
  const { url } = await (server ??= startPostgres());
  return { url, tenant: `bench-${process.pid}-${(tenants += 1)}` };
}

export async function stopBenchPostgres(): Promise<void> {
  await (await server)?.stop();
  server = undefined;
}

/** Figures of the databases that are here. */
export const databases: readonly ('SQLite' | 'PostgreSQL')[] =
  missingPostgres === false ? ['SQLite', 'PostgreSQL'] : ['SQLite'];
