import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { createSqliteStore } from '../src/index.ts';
import { writeAudit } from '../src/server/sql-audit.ts';
import { migrate } from '../src/server/sqlite-migrations.ts';
import { inventoryBytes } from '../src/server/sql-rows.ts';
import { openSqlite } from '../src/server/sqlite-sql.ts';
import { inventory, newDevice } from './fleet-fixtures.ts';
import { testFleetStore } from './fleet-store-suite.ts';
import { createWorld, startMs, testRandom } from './world.ts';

testFleetStore('the store in SQLite', () => createSqliteStore({ path: ':memory:' }));

function newFile(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-fleet-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'fleet.sqlite');
}

test('§16: a tracker killed without warning loses no answer that it gave, and goes on', async (context) => {
  const path = newFile(context);
  const writer = spawn(process.execPath, [new URL('./sqlite-writer.ts', import.meta.url).pathname, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answered = '';
  for await (const chunk of writer.stdout) {
    answered += String(chunk);
    if (answered.split('\n').length > 20) break;
  }
  const exited = once(writer, 'exit');
  writer.kill('SIGKILL');
  await exited;
  const numbers = answered.trimEnd().split('\n').map(Number);
  const store = createSqliteStore({ path });
  const found = new Set((await store.devices({ limit: 10_000 })).map(({ id }) => id));
  const last = numbers.at(-1) ?? 0;
  assert.ok(last >= 19);
  for (let number = 0; number <= last; number++)
    assert.ok(found.has(`lamp-${number}`), `lamp-${number} is lost`);
  await store.addDevices([newDevice('one-more')], { actor: 'test', atMs: startMs });
  await store.close();
});

test('§16: a rollout goes on from the file, with its offers under their nonces', async (context) => {
  const path = newFile(context);
  const before = createSqliteStore({ path });
  const first = await createWorld({ store: before });
  const [lamp] = await first.lamps(2);
  await first.tracker.desk.start(first.campaign('c1', 2, { inFlightMax: 1, waves: [500, 1000] }), 'test');
  await first.tracker.tick();
  const out = await before.liveOffers();
  await first.tracker.close();
  await before.close();

  const store = createSqliteStore({ path });
  const second = await createWorld({ store, random: testRandom('tracker, started again') });
  assert.deepEqual(await store.liveOffers(), out);
  for (let round = 0; round < 3; round++) {
    // The devices keep their sessions: they know nothing of the restart.
    await second.tracker.tick();
    for (const id of ['lamp-0', 'lamp-1']) {
      const device = second.device(id);
      await device.checkIn();
      await device.update();
    }
  }
  await second.tracker.tick();
  assert.equal((await second.tracker.desk.campaign('c1'.repeat(16))).state, 'completed');
  assert.ok(lamp);
  await store.close();
});

test('a file of a newer version is refused, not half understood', (context) => {
  const path = newFile(context);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA user_version = 999');
  db.close();
  assert.throws(
    () => createSqliteStore({ path }),
    /expected a fleet store of version \d+ or lower, found 999/,
  );
});

test('a file of the first version is read on, with what its devices have told', async (context) => {
  const path = newFile(context);
  const db = new DatabaseSync(path);
  migrate(db, 1);
  const { id, publicKey, kid, vendor, class: product } = newDevice('lamp-1');
  db.prepare(
    `INSERT INTO device (tenant, id, actor, public_key, kid, vendor, class, approval, created_ms, update_mode,
       inventory, inventory_ms) VALUES ('default', ?, 'test', ?, ?, ?, ?, 'approved', 0, 'negotiated', ?, ?)`,
  ).run(id, publicKey, kid, vendor, product, inventoryBytes(inventory()), startMs);
  db.close();
  const store = createSqliteStore({ path });
  assert.deepEqual((await store.device('lamp-1'))?.inventory, inventory());
  await store.close();
});

test('two tenants in one file never see each other', async (context) => {
  const path = newFile(context);
  const a = createSqliteStore({ path, tenant: 'a' });
  const b = createSqliteStore({ path, tenant: 'b' });
  const by = { actor: 'test', atMs: startMs };
  await a.addDevices([newDevice('lamp-1')], by);
  assert.equal(await b.device('lamp-1'), undefined);
  assert.deepEqual(await b.audit(10), []);
  assert.deepEqual(await b.addDevices([newDevice('lamp-1')], by), ['added']);
  await Promise.all([a.close(), b.close()]);
});

test('what was said and done can be neither changed nor deleted', async (context) => {
  const path = newFile(context);
  const store = createSqliteStore({ path });
  await store.addDevices([newDevice('lamp-1')], { actor: 'test', atMs: startMs });
  await store.close();
  const db = new DatabaseSync(path);
  context.after(() => db.close());
  assert.throws(() => db.exec('DELETE FROM audit'), /append-only/);
  assert.throws(() => db.exec(`UPDATE audit SET actor = 'nobody'`), /append-only/);
});

test('a full disk is told as such, and what was there before stays', async (context) => {
  const file = openSqlite(newFile(context));
  context.after(() => file.close());
  const db = file.of('test');
  const pages = Number((await db.get('PRAGMA page_count'))?.['page_count']);
  await db.transaction(async (sql) => sql.get(`PRAGMA max_page_count = ${pages + 4}`));
  const detail = 'x'.repeat(1_000);
  const entry = { actor: 'test', atMs: startMs, act: 'test', subject: 'test', detail };
  const written = async () => (await db.all('SELECT number FROM audit')).length;
  const fill = async () => {
    for (let number = 0; number < 1_000; number++)
      await db.transaction(async (sql) => writeAudit(sql, entry));
  };
  const full = { code: 'storage-full', message: 'expected room for the fleet, found the disk full' };
  await assert.rejects(fill(), full);
  const before = await written();
  assert.ok(before > 0);
  await assert.rejects(fill(), { code: 'storage-full' });
  assert.equal(await written(), before);
});

test('nobody sees half a transaction, and one that fails leaves nothing', async (context) => {
  const file = openSqlite(newFile(context));
  context.after(() => file.close());
  const db = file.of('test');
  const entry = { actor: 'test', atMs: startMs, act: 'test', subject: 'test' };
  const count = async () => (await db.all('SELECT number FROM audit')).length;
  const seen: Promise<number>[] = [];
  const change = async (fails: boolean) =>
    db.transaction(async (sql) => {
      await writeAudit(sql, entry);
      seen.push(count());
      await writeAudit(sql, entry);
      if (fails) throw new Error('on purpose');
    });
  const [done, failed] = await Promise.allSettled([change(false), change(true)]);
  assert.deepEqual([done.status, failed.status], ['fulfilled', 'rejected']);
  for (const found of await Promise.all(seen)) assert.ok(found === 0 || found === 2, `${found} rows`);
  assert.equal(await count(), 2);
});

test('transactions that share a commit stand and fall each by itself, in their order', async (context) => {
  const file = openSqlite(newFile(context));
  context.after(() => file.close());
  const db = file.of('test');
  const write = async (detail: string, fails: boolean) =>
    db.transaction(async (sql) => {
      await writeAudit(sql, { actor: 'test', atMs: startMs, act: 'test', subject: 'test', detail });
      if (fails) throw new Error(detail);
      return detail;
    });
  const numbers = Array.from({ length: 1_200 }, (_, index) => index);
  const ends = await Promise.allSettled(numbers.map(async (each) => write(`${each}`, each % 3 === 0)));
  for (const [index, end] of ends.entries()) {
    const found = end.status === 'fulfilled' ? end.value : (end.reason as Error).message;
    assert.deepEqual([end.status, found], [index % 3 === 0 ? 'rejected' : 'fulfilled', `${index}`]);
  }
  const rows = await db.all('SELECT detail FROM audit ORDER BY number');
  assert.deepEqual(
    rows.map((row) => Number(row['detail'])),
    numbers.filter((each) => each % 3 !== 0),
  );
});
