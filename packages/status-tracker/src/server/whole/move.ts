/**
 * Moves a whole fleet to another store while devices go on. What is there is copied; what changes meanwhile
 * is noted by the source itself, and copied again. At the end the source is closed: the last changes follow,
 * both are counted, trackers have time to notice, and the target is opened.
 */
import { hex } from '@lapel/cbor';
import type { Clock, Random } from '@lapel/transport';
import type { Sql } from '../sql.ts';
import { integer } from '../sql-rows.ts';
import { keyNames } from './move-words.ts';
import type { MoveState } from '../whereabouts.ts';
import type { Claimed, Ends } from './move-state.ts';
import { MoveError, advance, begin, claim, close, end, moveIn, requireRoom } from './move-state.ts';
import type { Columns, Counts, FleetTable, Values } from './tables.ts';
import { countRows, fleetTables, pagesOf, valuesOf, writeRows } from './tables.ts';

export interface MoveOptions extends Ends {
  readonly clock: Pick<Clock, 'wallMs' | 'sleep'>;
  readonly random: Random;
  readonly onProgress: (progress: MoveProgress) => void;
}

export type MoveProgress =
  | { readonly step: 'copying'; readonly copied: number; readonly of: number }
  /** Of what changed meanwhile. */
  | { readonly step: 'following'; readonly copied: number }
  | { readonly step: 'closed' }
  | { readonly step: 'waiting'; readonly for: 'another-mover' | 'trackers' };

export interface Moved {
  readonly rows: Counts;
  /** From when the source took in nothing until the target was open; none where it was moved before. */
  readonly closedMs?: number;
}

/** One mover at a time writes to the target; one that was killed is followed by the next after this. */
const holdMs = 10_000;
/** Rows noted that are copied at once. */
const notedMax = 1_000;
/** So few that the last ones take no time, or so often that they won't get fewer. */
const fewNotes = 200;
const roundsMax = 100;
/** Trackers look for a move at every round of theirs, twice a second. */
const noticeMs = 2_000;

/** @throws {MoveError} */
export async function moveFleet(options: MoveOptions): Promise<Moved> {
  const { from, to, random } = options;
  await requireRoom(options);
  const { id, state } = await begin(options, hex(random.bytes(16)));
  if (state === 'moved') return { rows: await countRows(to.store.sql) };
  const target = await claimed(options, id);
  if (target.state === 'open') {
    // It is in use: what is left is to say so where the fleet came from.
    await end(from, id);
    return { rows: await countRows(to.store.sql) };
  }
  const mover = { ...options, id, holder: hex(random.bytes(8)), columns: await columnsOfBoth(options) };
  try {
    await hold(mover);
    if (state === 'copying' || target.isNew) await copyAll(mover);
    if (state === 'copying') {
      await follow(mover);
      await close(from, id);
    }
    return await finish(mover, state);
  } catch (error) {
    // What is called off takes its notes away from under who reads them.
    if (!(error instanceof MoveError)) await requireUnderWay(mover, 'copying', 'closed', 'opening', 'moved');
    throw error;
  }
}

/** The source is closed. */
async function finish(mover: Mover, state: MoveState): Promise<Moved> {
  const { from, clock, id, onProgress } = mover;
  const sinceMs = clock.wallMs();
  onProgress({ step: 'closed' });
  await followUp(mover);
  const rows = await compared(mover);
  onProgress({ step: 'waiting', for: 'trackers' });
  await clock.sleep(noticeMs);
  if (state !== 'opening') await advance(from.store.sql, id, 'closed', 'opening');
  await open(mover);
  await end(from, id);
  return { rows, closedMs: clock.wallMs() - sinceMs };
}

/** Whoever began to note changes for a target that is not to be had notes them no more. */
async function claimed(options: MoveOptions, id: string): Promise<Claimed> {
  try {
    return await claim(options, id);
  } catch (error) {
    if (error instanceof MoveError && error.kind === 'not-empty') await giveUp(options, id);
    throw error;
  }
}

async function giveUp({ from }: MoveOptions, id: string): Promise<void> {
  const { store } = from;
  await store.sql.transaction(async (within) => {
    const known = await moveIn(within);
    if (known?.id !== id || known.state !== 'copying') return;
    await within.run('DELETE FROM fleet_move');
    for (const table of fleetTables)
      for (const statement of store.moves.noteNoMore(table)) await within.run(statement);
  });
}

interface Mover extends MoveOptions {
  /** Of the move, in both stores. */
  readonly id: string;
  readonly holder: string;
  readonly columns: ReadonlyMap<FleetTable, Columns>;
}

/** @throws {MoveError} where the two do not have the same columns: one is of another version. */
async function columnsOfBoth({ from, to }: Ends): Promise<ReadonlyMap<FleetTable, Columns>> {
  const columns = new Map<FleetTable, Columns>();
  for (const table of fleetTables) {
    const [here, there] = [await from.store.columnsOf(table.name), await to.store.columnsOf(table.name)];
    if (JSON.stringify(here) !== JSON.stringify(there))
      throw new MoveError('differs', `expected the same columns in both ${table.name}, found others`);
    columns.set(table, here);
  }
  return columns;
}

async function hold(mover: Mover): Promise<void> {
  const { to, clock, onProgress } = mover;
  for (let waited = 0; ; waited += 500) {
    const nowMs = clock.wallMs();
    const isOurs = await to.store.sql.transaction(async (sql) =>
      sql.run(
        `UPDATE fleet_move SET holder = ?1, until_ms = ?2
         WHERE id = ?3 AND (holder IS NULL OR holder = ?1 OR until_ms <= ?4 OR until_ms > ?5)`,
        ...[mover.holder, nowMs + holdMs, mover.id, nowMs, nowMs + 2 * holdMs],
      ),
    );
    if (isOurs > 0) return;
    if (waited > holdMs)
      throw new MoveError('another-mover', 'expected nobody else to move the fleet, found another at it');
    onProgress({ step: 'waiting', for: 'another-mover' });
    await clock.sleep(500);
  }
}

/** Nothing is written by one that another one has followed: it might be older. */
async function holding(mover: Mover, write: (sql: Sql) => Promise<void>): Promise<void> {
  const { to, clock, id, holder } = mover;
  await to.store.sql.transaction(async (sql) => {
    const isOurs = await sql.run(
      `UPDATE fleet_move SET until_ms = ? WHERE id = ? AND holder = ? AND state = 'filling'`,
      ...[clock.wallMs() + holdMs, id, holder],
    );
    if (isOurs === 0)
      throw new MoveError('another-mover', 'expected to be the one who moves the fleet, found another at it');
    await write(sql);
  });
}

async function copyAll(mover: Mover): Promise<void> {
  const { from, onProgress } = mover;
  const counts = await countRows(from.store.sql);
  const all = Object.values(counts).reduce((sum, each) => sum + each, 0);
  let copied = 0;
  for (const [table, columns] of mover.columns) {
    for await (const rows of pagesOf(from.store.sql, table, columns)) {
      await holding(mover, async (sql) => write(mover, sql, table, { columns, rows }));
      copied += rows.length;
      onProgress({ step: 'copying', copied, of: Math.max(all, copied) });
    }
  }
}

const write = async ({ to }: Mover, sql: Sql, table: FleetTable, batch: Parameters<typeof writeRows>[2]) =>
  writeRows(sql, table, batch, { overriding: to.store.overriding, isAgain: true });

/** What changed while rows were copied, until few are left. */
async function follow(mover: Mover): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    await requireUnderWay(mover, 'copying');
    if ((await followOnce(mover)) < fewNotes) return;
  }
}

/** All that is noted, once nothing is added any more. */
async function followUp(mover: Mover): Promise<void> {
  await requireUnderWay(mover, 'closed', 'opening');
  while ((await followOnce(mover)) > 0) await requireUnderWay(mover, 'closed', 'opening');
}

async function requireUnderWay({ from, id }: Mover, ...states: readonly string[]): Promise<void> {
  const known = await moveIn(from.store.sql);
  if (known?.id === id && states.includes(known.state)) return;
  throw new MoveError('called-off', 'expected the move to be under way, found it called off');
}

/** A batch of every table. @returns how many changes it had. */
async function followOnce(mover: Mover): Promise<number> {
  let followed = 0;
  for (const [table, columns] of mover.columns) {
    const noted = await readNoted(mover, table, columns);
    if (noted.numbers.length === 0) continue;
    await holding(mover, async (sql) => {
      await write(mover, sql, table, { columns, rows: noted.rows });
      await forget(sql, table, columns, noted.gone);
    });
    // Only now: one that is killed before copies them once more.
    await mover.from.store.sql.runBatch(
      `DELETE FROM moving_${table.name} WHERE noted IN (SELECT noted FROM batch())`,
      { columns: { noted: 'integer' }, rows: noted.numbers.map((number) => [number]) },
    );
    followed += noted.numbers.length;
  }
  mover.onProgress({ step: 'following', copied: followed });
  return followed;
}

interface Noted {
  readonly numbers: readonly number[];
  readonly rows: readonly Values[];
  /** Keys of rows that are there no more. */
  readonly gone: readonly Values[];
}

/** Notes and rows are of one moment: what changes after it is noted again. */
async function readNoted({ from }: Mover, table: FleetTable, columns: Columns): Promise<Noted> {
  const keys = keyNames(table);
  const newest = `(SELECT noted, ${keys.join(', ')} FROM moving_${table.name} ORDER BY noted LIMIT ?)`;
  const names = Object.keys(columns);
  const same = table.key.map((name, at) => `kept.${name} = noted_keys.${keys[at] ?? ''}`);
  return from.store.snapshot(async (sql) => {
    const notes = await sql.all(`SELECT * FROM ${newest} AS newest`, notedMax);
    const found = await sql.all(
      `SELECT ${names.map((name) => `kept.${name}`).join(', ')}
       FROM (SELECT DISTINCT ${keys.join(', ')} FROM ${newest} AS newest) AS noted_keys
       CROSS JOIN ${table.name} AS kept WHERE ${same.join(' AND ')}`,
      notedMax,
    );
    const there = new Set(found.map((row) => JSON.stringify(valuesOf(row, table.key))));
    return {
      numbers: notes.map((row) => integer(row, 'noted')),
      rows: found.map((row) => valuesOf(row, names)),
      gone: notes.map((row) => valuesOf(row, keys)).filter((key) => !there.has(JSON.stringify(key))),
    };
  });
}

async function forget(sql: Sql, table: FleetTable, columns: Columns, gone: readonly Values[]): Promise<void> {
  if (gone.length === 0) return;
  const key = table.key.join(', ');
  const keyColumns = Object.fromEntries(table.key.map((name) => [name, columns[name] ?? 'text']));
  await sql.runBatch(`DELETE FROM ${table.name} WHERE (${key}) IN (SELECT ${key} FROM batch())`, {
    columns: keyColumns,
    rows: gone,
  });
}

/** @throws {MoveError} where the target is not the source row for row, as far as counting tells. */
async function compared({ from, to }: Ends): Promise<Counts> {
  const [rows, copied] = [await countRows(from.store.sql), await countRows(to.store.sql)];
  for (const [table, count] of Object.entries(rows)) {
    if (copied[table] === count) continue;
    const found = copied[table] ?? 0;
    throw new MoveError('differs', `expected ${count} rows of ${table} in ${to.name}, found ${found}`);
  }
  return rows;
}

async function open(mover: Mover): Promise<void> {
  await mover.to.store.afterLoad(mover.to.store.sql);
  await holding(mover, async (sql) => {
    await sql.run(`UPDATE fleet_move SET state = 'open' WHERE id = ?`, mover.id);
  });
}
