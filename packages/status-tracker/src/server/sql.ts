/**
 * The port through which the store speaks SQL. One text serves both databases: it is SQLite's, in what
 * SQLite and PostgreSQL have in common; a dialect translates what is left (placeholders, hints to the
 * planner). Every text is a constant of this room, so that it is prepared once.
 */
import { Problem } from '@lapel/transport';
import type { News } from './news.ts';

export type SqlValue = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, unknown>>;

export interface Sql {
  /** Whose rows these are: every statement names it. */
  readonly tenant: string;
  all(text: string, ...values: readonly SqlValue[]): Promise<readonly Row[]>;
  get(text: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  /** @returns how many rows it changed. */
  run(text: string, ...values: readonly SqlValue[]): Promise<number>;
  /** One statement for many rows: `batch()` in its text stands for them, its other values are numbered. */
  runBatch(text: string, batch: Batch, ...values: readonly SqlValue[]): Promise<number>;
  /** The same for what is read, or changed and told of: what of the database belongs to those rows. */
  allBatch(text: string, batch: Batch, ...values: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Tells it to the other processes, where there are any, when what this is part of is done. */
  tell(news: readonly News[]): Promise<void>;
  /**
   * All or nothing, as if nobody else were there. What it is given may run again where another was faster,
   * and so changes nothing but the database.
   */
  transaction<T>(change: (sql: Sql) => Promise<T>): Promise<T>;
}

/** Rows for one statement, as a table `batch` with these columns; `blob` columns are bytes. */
export interface Batch {
  readonly columns: Readonly<Record<string, 'text' | 'integer' | 'blob'>>;
  readonly rows: readonly (readonly SqlValue[])[];
}

/** A store that a newer version has written: going on could lose what that one knows. */
export class SchemaError extends RangeError {
  override readonly name = 'SchemaError';
  readonly known: number;
  readonly found: number;

  constructor(known: number, found: number) {
    super(`expected a fleet store of version ${known} or lower, found ${found}`);
    this.known = known;
    this.found = found;
  }
}

/** What a full disk is told as, whatever the database. */
export const diskFull: readonly [ConstructorParameters<typeof Problem>[0], string] = [
  'storage-full',
  'expected room for the fleet, found the disk full',
];

/** In the message of whatever keeps a fleet that has moved from being written. */
export const movedMark = 'lapel: this fleet has moved';

/** What devices and operators are told then; they ask again, and come to where it went. */
export const elsewhere = (cause?: unknown): Problem =>
  new Problem('unavailable', 'expected the fleet here, found it moved to another store: try again later', {
    cause,
  });

/**
 * A batch in parts, in each of which a device is named once: what is written of the first is what the second
 * is judged by.
 */
export function* oncePerDevice<T extends { readonly device: string }>(batch: readonly T[]) {
  for (let left = batch; left.length > 0;) {
    const ids = new Set<string>();
    const again = left.findIndex(({ device }) => ids.size === ids.add(device).size);
    const part = again < 0 ? left : left.slice(0, again);
    yield part;
    left = left.slice(part.length);
  }
}

/** Whoever locks rows in one order never waits in a circle. What is of the same key stays in its order. */
export const inLockOrder = <T>(given: readonly T[], keyOf: (each: T) => string): readonly T[] =>
  given
    .map((each) => ({ each, key: keyOf(each) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ each }) => each);

/** Acts on each, in lock order. @returns the results in the order that was given. */
export async function inOrderOf<T, R>(
  given: readonly T[],
  keyOf: (each: T) => string,
  act: (each: T) => Promise<R>,
): Promise<readonly R[]> {
  const placed = given.map((each, place) => ({ each, place }));
  const results: R[] = [];
  for (const { each, place } of inLockOrder(placed, ({ each: one }) => keyOf(one))) {
    results[place] = await act(each);
  }
  return results;
}
