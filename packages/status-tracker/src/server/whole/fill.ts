/**
 * Fills an empty store from a backup. It is nobody's to serve before all is in it and counted. The state of
 * a fleet that comes out of a backup is an old one: what operators have stopped since may be running in it,
 * so that no campaign goes on before an operator says so.
 */
import type { Sql } from '../sql.ts';
import { text } from '../sql-rows.ts';
import { writeAudit } from '../sql-audit.ts';
import { sqlWhereabouts } from '../whereabouts.ts';
import type { Whereabouts } from '../whereabouts.ts';
import type { Named } from './move-state.ts';
import { MoveError, claim, moveIn } from './move-state.ts';
import type { Columns, Counts, Values } from './tables.ts';
import { countRows, fleetTables, writeRows } from './tables.ts';
import type { WholeStore } from './whole-store.ts';

export interface Filled {
  /** What the fleet came from, as its audit calls it: by the digest, and when it was made. */
  readonly digest: string;
  readonly createdMs: number;
  readonly nowMs: number;
}

export interface Filling {
  /** Rows of a table of the fleet, in the order of these columns. @throws {MoveError} */
  add(table: string, columns: Columns, rows: readonly Values[]): Promise<void>;
  /** Counts what was added, stops its campaigns, and lets the store be served. @throws {MoveError} */
  open(expected: Counts): Promise<{ readonly paused: number }>;
}

export const whereaboutsOf = ({ sql }: Pick<WholeStore, 'sql'>): Promise<Whereabouts> =>
  sqlWhereabouts(sql).whereabouts();

/** The same backup again goes on where it was broken off. @throws {MoveError} where there is a fleet. */
export async function beginFilling(to: Named, from: Filled): Promise<Filling> {
  await requireUnserved(to, from.nowMs);
  await claim({ from: { name: nameOf(from) }, to }, from.digest);
  const known = new Map<string, string>();
  for (const { name } of fleetTables) known.set(name, JSON.stringify(await to.store.columnsOf(name)));
  return {
    async add(name, columns, rows) {
      const table = fleetTables.find((each) => each.name === name);
      if (table === undefined) throw differs(`expected a table of a fleet, found ${name}`);
      if (known.get(name) !== JSON.stringify(columns))
        throw differs(
          `expected the columns of ${name} in ${to.name}, found others: use the lapel that made it`,
        );
      await to.store.sql.transaction(async (sql) => {
        await requireOurs(sql, from);
        await writeRows(sql, table, { columns, rows }, { overriding: to.store.overriding, isAgain: true });
      });
    },
    async open(expected) {
      const found = await countRows(to.store.sql);
      for (const { name } of fleetTables) {
        const count = expected[name] ?? 0;
        if (found[name] !== count)
          throw differs(`expected ${count} rows of ${name} in ${to.name}, found ${found[name] ?? 0}`);
      }
      return to.store.sql.transaction(async (sql) => {
        await requireOurs(sql, from);
        await to.store.afterLoad(sql);
        const paused = await settle(sql, from);
        await sql.run('DELETE FROM fleet_move');
        return { paused };
      });
    },
  };
}

/** Trackers that share a store take turns, and so each has a lease there. */
async function requireUnserved({ store, name }: Named, nowMs: number): Promise<void> {
  if (store.hasLeases && (await store.sql.get('SELECT 1 FROM lease WHERE until_ms > ?', nowMs)) !== undefined)
    throw new MoveError('not-empty', `expected nobody to serve ${name}, found a server at it`);
}

async function requireOurs(sql: Sql, { digest }: Filled): Promise<void> {
  const move = await moveIn(sql);
  if (move?.id === digest && move.state === 'filling') return;
  throw new MoveError('another-mover', 'expected to be the one who fills the store, found another at it');
}

/** @returns how many campaigns wait for an operator. */
async function settle(sql: Sql, { digest, createdMs, nowMs }: Filled): Promise<number> {
  const made = new Date(createdMs).toISOString();
  const paused = await sql.run(
    `UPDATE campaign SET state = 'paused', because = ?, generation = generation + 1
     WHERE state = 'running' OR (state = 'completed' AND expires_ms > ?)`,
    ...[`restored as it was on ${made}: whether it was stopped since is not known`, nowMs],
  );
  for (const row of await sql.all('SELECT DISTINCT tenant FROM audit')) {
    const within = { ...sql, tenant: text(row, 'tenant') };
    const detail = `as it was on ${made}`;
    await writeAudit(within, {
      actor: 'lapel restore',
      atMs: nowMs,
      act: 'fleet restored',
      subject: digest,
      detail,
    });
  }
  return paused;
}

const nameOf = ({ createdMs }: Filled): string => `a backup of ${new Date(createdMs).toISOString()}`;
const differs = (message: string) => new MoveError('differs', message);
