/**
 * How far a move is, as both stores remember it under one name. Each step is one transaction of one store;
 * whoever is killed between two begins again at the first that was not taken.
 *
 *   source   copying → closed → opening → moved
 *   target   filling → open
 *
 * The target is opened only after the source says `opening`, which it says only after it was `closed` and
 * everything was copied: there is never a moment in which both are served.
 */
import type { Sql } from '../sql.ts';
import { text } from '../sql-rows.ts';
import type { MoveState } from '../whereabouts.ts';
import { isState } from '../whereabouts.ts';
import { fleetTables, isEmpty } from './tables.ts';
import type { WholeStore } from './whole-store.ts';

export type MoveErrorKind =
  'not-empty' | 'another-move' | 'another-mover' | 'called-off' | 'differs' | 'over';

/** What keeps a move from going on; nothing is lost by it. */
export class MoveError extends Error {
  override readonly name = 'MoveError';
  readonly kind: MoveErrorKind;

  constructor(kind: MoveErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Move {
  readonly id: string;
  readonly state: MoveState;
  /** The other store. */
  readonly other: string;
}

export async function moveIn(sql: Sql): Promise<Move | undefined> {
  const row = await sql.get('SELECT id, state, other FROM fleet_move');
  if (row === undefined) return undefined;
  const state = text(row, 'state');
  if (!isState(state)) throw new TypeError(`expected the state of a move, found ${state}`);
  return { id: text(row, 'id'), state, other: text(row, 'other') };
}

export interface Named {
  readonly store: WholeStore;
  /** As an operator calls it, without a password. */
  readonly name: string;
}

export interface Ends {
  readonly from: Named;
  readonly to: Named;
}

/** Begins to note what changes, or goes on with it. @returns the state of the source. */
export async function begin({ from, to }: Ends, id: string): Promise<Move> {
  const { sql, moves, columnsOf } = from.store;
  const columns = new Map<string, Awaited<ReturnType<typeof columnsOf>>>();
  for (const { name } of fleetTables) columns.set(name, await columnsOf(name));
  return sql.transaction(async (within) => {
    const known = await sourceMove(within, to.name);
    if (known !== undefined) return known;
    await within.run('DELETE FROM fleet_move');
    await within.run(
      `INSERT INTO fleet_move (id, role, state, other) VALUES (?, 'source', 'copying', ?)`,
      ...[id, to.name],
    );
    for (const table of fleetTables)
      for (const statement of moves.note(table, columns.get(table.name) ?? {})) await within.run(statement);
    return { id, state: 'copying', other: to.name };
  });
}

/** A move to there that is under way; one from elsewhere that is over does not count. @throws {MoveError} */
export async function sourceMove(sql: Sql, to: string): Promise<Move | undefined> {
  const known = await moveIn(sql);
  if (known === undefined || known.state === 'open') return undefined;
  if (known.state === 'filling') {
    const found = `one that is on its way from ${known.other}`;
    throw new MoveError('another-move', `expected a whole fleet to move, found ${found}`);
  }
  if (known.other === to) return known;
  throw new MoveError('another-move', `expected a fleet that moves to ${to}, found it on to ${known.other}`);
}

export interface Claimed extends Move {
  /** Whether nothing was ever copied to it. */
  readonly isNew: boolean;
}

/** The target is this move's alone, and nobody's to serve. @throws {MoveError} where it holds something. */
export async function claim(
  { from, to }: { readonly from: Pick<Named, 'name'>; readonly to: Named },
  id: string,
): Promise<Claimed> {
  return to.store.sql.transaction(async (within) => {
    const known = await moveIn(within);
    if (known?.id === id) return { ...known, isNew: false };
    if (!(await isEmpty(within))) {
      const found = known === undefined ? 'a fleet' : 'another one, or a part of it';
      throw new MoveError('not-empty', `expected an empty store at ${to.name}, found ${found}`);
    }
    await within.run('DELETE FROM fleet_move');
    await within.run(
      `INSERT INTO fleet_move (id, role, state, other) VALUES (?, 'target', 'filling', ?)`,
      ...[id, from.name],
    );
    return { id, state: 'filling', other: from.name, isNew: true };
  });
}

/** Before the source is touched. @throws {MoveError} */
export async function requireRoom({ from, to }: Ends): Promise<void> {
  const known = await sourceMove(from.store.sql, to.name);
  if (known !== undefined || (await isEmpty(to.store.sql))) return;
  throw new MoveError('not-empty', `expected an empty store at ${to.name}, found a fleet`);
}

/** From here on the source takes in nothing; what it had taken in is noted. */
export async function close({ store }: Named, id: string): Promise<void> {
  await store.sql.transaction(async (within) => {
    await advance(within, id, 'copying', 'closed');
    for (const table of fleetTables)
      for (const statement of store.moves.refuse(table)) await within.run(statement);
  });
}

/** @throws {MoveError} where it was called off. */
export async function advance(sql: Sql, id: string, from: MoveState, to: MoveState): Promise<void> {
  const moved = await sql.run(
    'UPDATE fleet_move SET state = ? WHERE id = ? AND state = ?',
    ...[to, id, from],
  );
  if (moved === 0)
    throw new MoveError('called-off', `expected the move to be ${from}, found it called off or further`);
}

/** Of the source, which keeps nothing of the move but that it is over. */
export async function end({ store }: Named, id: string): Promise<void> {
  await store.sql.transaction(async (within) => {
    await advance(within, id, 'opening', 'moved');
    for (const table of fleetTables)
      for (const statement of store.moves.noteNoMore(table)) await within.run(statement);
  });
}

/** The source is served again as if nothing had been; the target never is. @throws {MoveError} */
export async function callOff({ store, name }: Named): Promise<Move> {
  return store.sql.transaction(async (within) => {
    const known = await moveIn(within);
    if (known?.state !== 'copying' && known?.state !== 'closed') {
      const found = known === undefined ? 'none' : `it ${known.state}`;
      throw new MoveError('over', `expected a move of ${name} that is under way, found ${found}`);
    }
    await within.run('DELETE FROM fleet_move');
    for (const table of fleetTables) {
      for (const statement of [...store.moves.noteNoMore(table), ...store.moves.refuseNoMore(table)])
        await within.run(statement);
    }
    return known;
  });
}
