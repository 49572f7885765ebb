/** Opens what a fleet is kept in; what keeps it from that is told in words, without a password. */

import { openPostgresStore, openSqliteInThread, SchemaError } from '@lapel/status-tracker';
import type { FleetStore } from '@lapel/status-tracker';
import type { Whereabouts, WholeStore } from '@lapel/status-tracker/whole';
import { openPostgresWhole, openSqliteWhole } from '@lapel/status-tracker/whole';
import { Problem, systemClock, systemRandom } from '@lapel/transport';
import type { ExitCode } from '../exit-codes.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { FleetPlace } from './place.ts';

/** @throws {CommandFailure} */
export async function openFleetStore(place: FleetPlace, tenant: string): Promise<FleetStore> {
  return openIn(place, async () =>
    place.kind === 'sqlite'
      ? openSqliteInThread({ path: place.file, tenant })
      : openPostgresStore({ url: place.url, tenant, clock: systemClock, random: systemRandom }),
  );
}

/** @throws {CommandFailure} where it has moved, or is still to come. */
export async function requireHere(store: FleetStore, place: FleetPlace): Promise<void> {
  try {
    requireWhole(await store.whereabouts(), place);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** @throws {CommandFailure} where it has moved, or is still to come. */
export function requireWhole({ fleet, other = 'another store' }: Whereabouts, { shown }: FleetPlace): void {
  if (fleet === 'here') return;
  const found = fleet === 'gone' ? `it moved to ${other}` : `it still on its way from ${other}`;
  throw new CommandFailure(exitCodes.conflict, `expected the fleet in ${shown}, found ${found}`);
}

/** @param calledBy what the database knows the connection as @throws {CommandFailure} */
export const openWhole = (place: FleetPlace, calledBy: string): Promise<WholeStore> =>
  openIn(place, async () =>
    place.kind === 'sqlite'
      ? openSqliteWhole(place.file)
      : openPostgresWhole({ url: place.url, clock: systemClock, random: systemRandom, calledBy }),
  );

/** What opening a place throws, in words. */
export async function openIn<T>({ shown }: FleetPlace, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const [exitCode, message] = saidOf(error, shown) ?? [];
    if (exitCode === undefined || message === undefined) throw error;
    throw new CommandFailure(exitCode, message, { cause: error });
  }
}

/** By the codes of the manual's Appendix A, and those of the system. */
const reasons: Readonly<Record<string, readonly [ExitCode, expected: string, found: string]>> = {
  '28P01': [exitCodes.denied, 'a password that is right for', 'another one (PGPASSWORD, --password-file)'],
  '28000': [exitCodes.denied, 'to be let in by', 'it closed to this user and address (pg_hba.conf)'],
  '3D000': [exitCodes.absent, 'a database at', 'none of that name (createdb makes one)'],
  '42501': [exitCodes.denied, 'to be allowed to make tables in', 'no permission'],
  ECONNREFUSED: [exitCodes.network, 'a server at', 'nobody listening'],
  ENOENT: [exitCodes.network, 'a server at', 'no such socket'],
  ENOTFOUND: [exitCodes.network, 'a server at', 'no such host'],
  EAI_AGAIN: [exitCodes.network, 'a server at', 'nobody who knows the host'],
  '53300': [exitCodes.network, 'a free connection to', 'all of them taken (max_connections)'],
};

/** SQLITE_NOTADB and SQLITE_CANTOPEN (https://www.sqlite.org/rescode.html). */
const sqliteReasons = new Map<unknown, string>([
  [26, 'another file'],
  [14, 'none that can be opened'],
]);

function saidOf(error: unknown, shown: string): readonly [ExitCode, string] | undefined {
  const found = sqliteReasons.get(error instanceof Error && 'errcode' in error ? error.errcode : undefined);
  if (found !== undefined) return [exitCodes.failed, `expected a fleet in ${shown}, found ${found}`];
  if (error instanceof SchemaError) return [exitCodes.conflict, `${error.message} in ${shown}`];
  const inner = error instanceof Problem && error.cause !== undefined ? error.cause : error;
  const reason = reasons[codeIn(inner)];
  if (reason !== undefined) return [reason[0], `expected ${reason[1]} ${shown}, found ${reason[2]}`];
  if (error instanceof Problem) return [exitCodes.network, `${error.message}: ${shown}`];
  // Of the library: SCRAM was asked for, and there is nothing to answer with.
  if (inner instanceof Error && /client password must be a/.test(inner.message))
    return [exitCodes.denied, `expected a password for ${shown}, found none (PGPASSWORD, --password-file)`];
  return undefined;
}

/** A name that has several addresses fails at each of them. */
function codeIn(error: unknown): string {
  if (error instanceof AggregateError) return codeIn(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
