/**
 * PostgreSQL by a pool of connections. A transaction sees the database as it was when it began; where
 * another was faster it is made again, a bounded number of times. What was answered is on the server's disk.
 */
import type { Client, Pool, PoolClient, QueryConfig } from 'pg';
import type { Clock, Random } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { newName, notifySql, payloadsOf } from './postgres-news.ts';
import type { Batch, Row, Sql, SqlValue } from './sql.ts';
import { diskFull, elsewhere, movedMark } from './sql.ts';

export interface PostgresDatabase {
  /** By which the others know whose news it is. */
  readonly name: string;
  of(tenant: string): Sql;
  /** A connection of its own, to listen on. */
  connect(): Promise<Client>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  /** `postgresql://user@host/database`, or `socket:/folder?db=database`. */
  readonly url: string;
  /** Sleeps where another transaction is to go first. */
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: Random;
  readonly connectionsMax?: number;
  /** By which the server tells connections apart (`application_name`). */
  readonly calledBy?: string;
}

/** What trackers are called there. */
const trackerName = 'lapel serve';
/** Together with those of other trackers, fewer than the 100 that a server gives as it is installed. */
const connectionsMaxDefault = 10;
const connectMsMax = 10_000;
/** Whom others outran so often in a row is in a crowd that more attempts only feed. */
const attemptsMax = 20;
const pauseMs = 2;

export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const { default: pg } = await import('pg');
  const config = {
    connectionString: options.url,
    connectionTimeoutMillis: connectMsMax,
    application_name: options.calledBy ?? trackerName,
    types: { getTypeParser: parserOf },
  };
  const pool = new pg.Pool({ ...config, max: options.connectionsMax ?? connectionsMaxDefault });
  // An idle connection that breaks is replaced by the pool; what is asked next says whether that worked.
  pool.on('error', () => undefined);
  const statements = createStatements();
  const name = newName(options.random);
  return {
    name,
    of: (tenant) => sqlOf({ tenant, name, pool, statements, clock: options.clock }),
    async connect() {
      const client = new pg.Client(config);
      await client.connect();
      return client;
    },
    close: async () => pool.end(),
  };
}

type Asked = Pool | PoolClient;

interface Connected {
  readonly tenant: string;
  readonly name: string;
  readonly pool: Pool;
  readonly statements: Statements;
  readonly clock: Pick<Clock, 'sleep'>;
}

function sqlOf({ tenant, name, pool, statements, clock }: Connected): Sql {
  const on = (asked: Asked, transaction: Sql['transaction']): Sql => {
    const ask = async (query: QueryConfig) => {
      try {
        return await asked.query<Row>(query);
      } catch (error) {
        throw told(error);
      }
    };
    return {
      tenant,
      all: async (text, ...values) => (await ask(statements.plain(text, values))).rows,
      get: async (text, ...values) => (await ask(statements.plain(text, values))).rows[0],
      run: async (text, ...values) => (await ask(statements.plain(text, values))).rowCount ?? 0,
      async runBatch(text, batch, ...values) {
        if (batch.rows.length === 0) return 0;
        return (await ask(statements.batch(text, batch, values))).rowCount ?? 0;
      },
      async allBatch(text, batch, ...values) {
        if (batch.rows.length === 0) return [];
        return (await ask(statements.batch(text, batch, values))).rows;
      },
      async tell(news) {
        for (const payload of payloadsOf(name, tenant, news))
          await ask(statements.plain(notifySql, [payload]));
      },
      transaction,
    };
  };

  async function attempt<T>(change: (sql: Sql) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw told(error);
    }
    const within = on(client, async (inner) => inner(within));
    let isOver = false;
    try {
      await within.run('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const result = await change(within);
      await within.run('COMMIT');
      isOver = true;
      return result;
    } finally {
      // A connection that can't be rolled back is not given to anybody else.
      if (!isOver)
        await client.query('ROLLBACK').then(
          () => client.release(),
          (e: Error) => client.release(e),
        );
      else client.release();
    }
  }

  async function transaction<T>(change: (sql: Sql) => Promise<T>): Promise<T> {
    for (let number = 1; ; number++) {
      try {
        return await attempt(change);
      } catch (error) {
        if (!wasFaster(error)) throw error;
        if (number >= attemptsMax) {
          const found = `another faster ${attemptsMax} times`;
          throw new Problem('unavailable', `expected a turn in the database, found ${found}`, {
            cause: error,
          });
        }
        // No two wait alike: the longer one has lost, the longer it keeps out of the way of the others.
        await clock.sleep(pauseMs * number);
      }
    }
  }

  return on(pool, transaction);
}

interface Statements {
  plain(text: string, values: readonly SqlValue[]): QueryConfig;
  batch(text: string, batch: Batch, values: readonly SqlValue[]): QueryConfig;
}

/** Each text is translated once, and prepared once on each connection. */
function createStatements(): Statements {
  const known = new Map<string, { readonly name: string; readonly text: string }>();

  function prepared(text: string): { readonly name: string; readonly text: string } {
    const found = known.get(text);
    if (found !== undefined) return found;
    const statement = { name: `s${known.size}`, text: translated(text) };
    known.set(text, statement);
    return statement;
  }

  return {
    plain: (text, values) => ({ ...prepared(text), values: [...values] }),
    batch(text, { columns, rows }, values) {
      const names = Object.keys(columns);
      const arrays = Object.values(columns).map(
        (type, at) => `?${values.length + 1 + at}::${arrayTypes[type]}`,
      );
      const table = `unnest(${arrays.join(', ')}) AS batch (${names.join(', ')})`;
      const lists = names.map((_, at) => rows.map((row) => row[at] ?? null));
      return { ...prepared(text.replace('batch()', table)), values: [...values, ...lists] };
    },
  };
}

const arrayTypes = { text: 'text[]', integer: 'bigint[]', blob: 'bytea[]' } as const;

/** SQLite's placeholders, and its hints, which PostgreSQL's statistics make needless. */
function translated(text: string): string {
  let count = 0;
  return text
    .replaceAll(/ INDEXED BY \w+/g, '')
    .replaceAll(/\?(?<number>\d*)/g, (_, number: string) => `$${number === '' ? (count += 1) : number}`);
}

/** OIDs of pg_type: what comes as text is read as in the other stores. */
const oids = { bytea: 17, int8: 20, int4: 23, numeric: 1700 };

function parserOf(oid: number) {
  if (oid === oids.bytea)
    return (value: string) => new Uint8Array(Buffer.from(value.slice('\\x'.length), 'hex'));
  if (oid === oids.int8 || oid === oids.int4 || oid === oids.numeric) return wholeNumber;
  return (value: string) => value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`expected an integer of 53 bits, found ${text}`);
  return value;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/**
 * serialization_failure, deadlock_detected, and unique_violation: every insert of ours looks first, so that
 * who finds the place taken all the same was outrun.
 */
const fasterCodes = new Set<unknown>(['40001', '40P01', '23505']);
const wasFaster = (error: unknown): boolean => fasterCodes.has(codeOf(error));

/** Appendix A of the manual: class 53 but too many connections is a lack of room, 57P the server going. */
function told(error: unknown): unknown {
  const code = String(codeOf(error));
  if (code === '53100' || code === '53200') return new Problem(...diskFull, { cause: error });
  if (error instanceof Error && error.message.includes(movedMark)) return elsewhere(error);
  const isGone = /^(08|57P|53300|ECONN|ENOENT|EPIPE|ETIMEDOUT)/.test(code);
  const isCut = error instanceof Error && /terminated|timeout|not queryable/i.test(error.message);
  if (!isGone && !isCut) return error;
  return new Problem('unavailable', 'expected the database to answer, found it away', { cause: error });
}
