/** The outbox in SQL. News of changes are what is put into it, by the transaction that brings them. */
import type { News } from '../news.ts';
import type { Row, Sql } from '../sql.ts';
import { has, integer, text } from '../sql-rows.ts';
import type { StateChange } from '../watch.ts';
import { barredChange, deviceChange } from '../watch.ts';
import type { Delivery, OutboxStore } from './outbox-store.ts';
import { changesPerDelivery, forgottenAfterMs } from './outbox-store.ts';

export const sqlOutbox = (db: Sql): OutboxStore => ({
  async keepReceivers(names, nowMs) {
    const kept = await db.get('SELECT name FROM webhook WHERE tenant = ? LIMIT 1', db.tenant);
    if (names.length === 0 && kept === undefined) return;
    await db.transaction(async (sql) => {
      await sql.runBatch(
        `INSERT INTO webhook (tenant, name, kept_ms) SELECT ?1, name, ?2 FROM batch() WHERE true
         ON CONFLICT (tenant, name) DO UPDATE SET kept_ms = excluded.kept_ms`,
        { columns: { name: 'text' }, rows: names.map((name) => [name]) },
        ...[sql.tenant, nowMs],
      );
      const oldestMs = nowMs - forgottenAfterMs;
      const forget = 'DELETE FROM webhook WHERE tenant = ? AND kept_ms < ?';
      if ((await sql.run(forget, sql.tenant, oldestMs)) === 0) return;
      await sql.run(
        `DELETE FROM outbox WHERE tenant = ?1
           AND receiver NOT IN (SELECT name FROM webhook WHERE tenant = ?1)`,
        sql.tenant,
      );
    });
  },
  isWaiting: async (receiver) =>
    (await db.get(
      'SELECT number FROM outbox WHERE tenant = ? AND receiver = ? LIMIT 1',
      ...[db.tenant, receiver],
    )) !== undefined,
  nextDelivery: async (receiver) => db.transaction(async (sql) => nextDelivery(sql, receiver)),
  async delivered(receiver, delivery) {
    await db.run(
      'DELETE FROM outbox WHERE tenant = ? AND receiver = ? AND delivery = ?',
      ...[db.tenant, receiver, delivery],
    );
  },
  async trimOutbox(most) {
    const trimmed = [];
    for (const row of await db.all('SELECT name FROM webhook WHERE tenant = ? ORDER BY name', db.tenant)) {
      const receiver = text(row, 'name');
      const dropped = await db.run(
        `DELETE FROM outbox WHERE tenant = ?1 AND receiver = ?2 AND delivery IS NULL AND number <=
           (SELECT number FROM outbox WHERE tenant = ?1 AND receiver = ?2
            ORDER BY number DESC LIMIT 1 OFFSET ?3)`,
        ...[db.tenant, receiver, most],
      );
      if (dropped > 0) trimmed.push({ receiver, dropped });
    }
    return trimmed;
  },
  async waiting() {
    const rows = await db.all(
      `SELECT name, (SELECT count(*) FROM outbox WHERE outbox.tenant = ?1 AND receiver = name) AS count
       FROM webhook WHERE webhook.tenant = ?1 ORDER BY name`,
      db.tenant,
    );
    return new Map(rows.map((row) => [text(row, 'name'), integer(row, 'count')]));
  },
});

/** What a process that was killed had begun to send is sent as it was. */
async function nextDelivery(sql: Sql, receiver: string): Promise<Delivery | undefined> {
  const select = 'SELECT number, delivery, told FROM outbox WHERE tenant = ? AND receiver = ?';
  const order = `ORDER BY number LIMIT ${changesPerDelivery}`;
  const begun = await sql.all(`${select} AND delivery IS NOT NULL ${order}`, sql.tenant, receiver);
  const [first] = begun;
  if (first !== undefined) {
    const number = integer(first, 'delivery');
    return { number, changes: begun.filter((row) => integer(row, 'delivery') === number).map(changeIn) };
  }
  const rows = await sql.all(`${select} ${order}`, sql.tenant, receiver);
  const [next] = rows;
  if (next === undefined) return undefined;
  const number = integer(next, 'number');
  await sql.runBatch(
    `UPDATE outbox SET delivery = ?3
     WHERE tenant = ?1 AND receiver = ?2 AND number IN (SELECT number FROM batch())`,
    { columns: { number: 'integer' }, rows: rows.map((row) => [integer(row, 'number')]) },
    ...[sql.tenant, receiver, number],
  );
  return { number, changes: rows.map(changeIn) };
}

const changeIn = (row: Row) => JSON.parse(text(row, 'told')) as StateChange;

/** What is told to other processes within a transaction waits for receivers, too, once that is committed. */
export function puttingOut(db: Sql): Sql {
  const within = (sql: Sql): Sql => ({
    ...sql,
    async tell(news) {
      await putOut(sql, news);
      await sql.tell(news);
    },
    transaction: async (change) => sql.transaction(async (inner) => change(within(inner))),
  });
  return within(db);
}

async function putOut(sql: Sql, news: readonly News[]): Promise<void> {
  const changes: StateChange[] = [];
  for (const each of news) {
    if (each.kind === 'change') changes.push(deviceChange(each.change));
    else if (each.kind === 'frozen' || each.kind === 'retired') changes.push(barredChange(each));
    else if (each.kind === 'campaign') changes.push(...(await campaignNow(sql, each)));
  }
  // In the order of their places: the database numbers them as they come.
  await sql.runBatch(
    `INSERT INTO outbox (tenant, receiver, told)
     SELECT ?1, webhook.name, batch.told FROM batch() CROSS JOIN webhook WHERE webhook.tenant = ?1
     ORDER BY batch.place`,
    {
      columns: { place: 'integer', told: 'text' },
      rows: changes.map((change, place) => [place, JSON.stringify(change)]),
    },
    sql.tenant,
  );
}

async function campaignNow(
  sql: Sql,
  { id, atMs }: Extract<News, { kind: 'campaign' }>,
): Promise<readonly StateChange[]> {
  const row = await sql.get(
    'SELECT state, because FROM campaign WHERE tenant = ? AND id = ?',
    sql.tenant,
    id,
  );
  if (row === undefined) return [];
  const because = has(row, 'because') ? { because: text(row, 'because') } : {};
  return [{ atMs, kind: 'campaign', id, state: text(row, 'state'), ...because }];
}
