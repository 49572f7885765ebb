import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Handler } from '@lapel/transport';
import { systemClock, systemRandom } from '@lapel/transport';
import type { FleetStore } from '../../src/index.ts';
import { openPostgresFleets, openPostgresStore } from '../../src/index.ts';
import { openPostgres } from '../../src/server/postgres-sql.ts';
import { addSeen, by, c1, newCampaign, newDevice, nonceOf, offer, reportOn } from '../fleet-fixtures.ts';
import { testFleetStore } from '../fleet-store-suite.ts';
import type { PostgresServer } from '../postgres-server.ts';
import { missingPostgres, startPostgres } from '../postgres-server.ts';
import { testTenants } from '../tenants-suite.ts';
import { createWorld, startMs, testRandom } from '../world.ts';

const world = { clock: systemClock, random: systemRandom };
const skip = missingPostgres;
let server: PostgresServer | undefined;
let tenants = 0;

const urlOf = async () => (server ??= await startPostgres()).url;
/** Each test has a fleet of its own: another tenant in the same database. */
const newTenant = () => `tenant-${tenants++}`;
/** A test that fails leaves its store open, and a store that is open keeps the process going. */
const opened = new Set<{ close(): Promise<void> }>();

async function open(tenant = newTenant()): Promise<FleetStore> {
  const store = await openPostgresStore({ url: await urlOf(), tenant, ...world, connectionsMax: 4 });
  opened.add(store);
  return store;
}

async function openTables() {
  const database = await openPostgres({ url: await urlOf(), ...world });
  opened.add(database);
  return database;
}

test.after(async () => {
  await Promise.allSettled(Array.from(opened, async (each) => each.close()));
  await server?.stop();
});

testFleetStore('the store in PostgreSQL', open, { skip });
testTenants('PostgreSQL', async () => openPostgresFleets({ url: await urlOf(), ...world }), {
  runs: 3,
  skip,
});

test('trackers that start at once on an empty database make its tables once', { skip }, async () => {
  const stores = await Promise.all(['a', 'b', 'c'].map(open));
  for (const store of stores) assert.deepEqual(await store.devices({ limit: 1 }), []);
  await Promise.all(stores.map(async (store) => store.close()));
});

test('what was said and done can be neither changed, deleted nor emptied', { skip }, async () => {
  const store = await open();
  await addSeen(store, 'lamp-1');
  await store.close();
  const database = await openTables();
  const sql = database.of('any');
  for (const table of ['audit', 'report', 'offer', 'log_entry', 'log_node']) {
    for (const change of [`DELETE FROM ${table}`, `UPDATE ${table} SET tenant = 'x'`, `TRUNCATE ${table}`])
      await assert.rejects(sql.run(change), /append-only/, change);
  }
  // A part of a table is no way around.
  for (let part = 0; part < 16; part++)
    await assert.rejects(sql.run(`DELETE FROM report_${part}`), /append-only/);
  await database.close();
});

test('two trackers that take in the same reports count each once, in whatever order', { skip }, async () => {
  const tenant = newTenant();
  const [a, b] = await Promise.all([open(tenant), open(tenant)]);
  const ids = Array.from({ length: 40 }, (_, index) => `lamp-${index}`);
  for (const id of ids) await addSeen(a, id);
  await a.addCampaign(await newCampaign('c1'));
  await Promise.all([a.join(c1, { limit: 100 }, startMs), b.join(c1, { limit: 100 }, startMs)]);
  assert.equal((await a.totals(c1)).waiting, ids.length);
  for (const [index, id] of ids.entries())
    await offer(a, c1, id, nonceOf(index.toString(16).padStart(2, '0')));
  const reports = ids.map((id, index) => reportOn(id, nonceOf(index.toString(16).padStart(2, '0'))));
  const taken = await Promise.all([
    a.recordReports(reports),
    b.recordReports(reports.toReversed()),
    b.recordReports(reports.slice(10)),
    a.recordReports(reports.slice(0, 30).toReversed()),
  ]);
  const ends = taken.flat().map(({ end }) => end);
  assert.equal(ends.filter((end) => end === 'recorded').length, ids.length);
  assert.equal(ends.filter((end) => end === 'known').length, ends.length - ids.length);
  assert.equal((await b.totals(c1)).confirmed, ids.length);
  await Promise.all([a.close(), b.close()]);
});

test('two trackers that plan the same campaign at once move it once', { skip }, async () => {
  const tenant = newTenant();
  const [a, b] = await Promise.all([open(tenant), open(tenant)]);
  await addSeen(a, 'lamp-1');
  await a.addCampaign(await newCampaign('c1'));
  await a.join(c1, { limit: 100 }, startMs);
  const steps = [a, b].map(async (store, index) =>
    store.applySteps(
      c1,
      0,
      [{ do: 'offer', device: 'lamp-1', nonce: nonceOf(`a${index}`), expiresMs: startMs + 1 }],
      startMs,
    ),
  );
  const applied = (await Promise.all(steps)).filter((each) => each !== undefined);
  assert.equal(applied.length, 1);
  assert.equal((await a.campaign(c1))?.generation, 1);
  assert.equal((await a.liveOffers()).length, 1);
  await Promise.all([a.close(), b.close()]);
});

test('a server that crashes loses nothing that was answered, and is used again', { skip }, async () => {
  const store = await open();
  const ids = Array.from({ length: 20 }, (_, index) => `lamp-${index}`);
  for (const id of ids) assert.deepEqual(await store.addDevices([newDevice(id)], by), ['added']);
  await server?.crash();
  const again = async (attempts: number): Promise<readonly { id: string }[]> => {
    try {
      return await store.devices({ limit: 100 });
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'unavailable');
      if (attempts === 0) throw error;
      return again(attempts - 1);
    }
  };
  assert.deepEqual(
    (await again(20)).map(({ id }) => id),
    ids.toSorted(),
  );
  await store.close();
});

test('counts of members are summed up, and stay what they are', { skip }, async () => {
  const tenant = newTenant();
  const store = await open(tenant);
  await store.addDevices(
    Array.from({ length: 30 }, (_, index) => newDevice(`lamp-${index}`)),
    by,
  );
  await store.addCampaign(await newCampaign('c1'));
  await store.join(c1, { limit: 100 }, startMs);
  const database = await openTables();
  const sql = database.of(tenant);
  const parts = async () => (await sql.all('SELECT 1 FROM member_count WHERE tenant = ?', tenant)).length;
  for (let turn = 0; turn < 300; turn++) {
    for (const [from, to] of [
      ['waiting', 'failed'],
      ['failed', 'waiting'],
    ] as const)
      await sql.run('UPDATE member SET status = ? WHERE tenant = ? AND status = ?', to, tenant, from);
  }
  assert.ok((await parts()) > 500);
  const before = await store.totals(c1);
  await store.applySteps(c1, 0, [], startMs);
  assert.deepEqual(await store.totals(c1), before);
  assert.equal(before.waiting, 30);
  assert.ok((await parts()) < 10);
  await Promise.all([store.close(), database.close()]);
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 400; left > 0; left--) {
    if (await holds()) return;
    await sleep(25);
  }
  assert.fail('expected it to come true, found that it did not');
}

test('two trackers on one database serve one fleet, one plans, and either may die', { skip }, async () => {
  const tenant = newTenant();
  const stores = await Promise.all([open(tenant), open(tenant)]);
  const [one, two] = await Promise.all(
    stores.map(async (store, index) =>
      createWorld({ store, name: `tracker ${index}`, random: testRandom(`tracker ${index}`) }),
    ),
  );
  assert.ok(one !== undefined && two !== undefined);
  const lamps = await one.lamps(2);
  one.clock.pass(2_000);
  await one.tracker.tick();
  const handler: Handler = async (asked) =>
    (asked.path.startsWith('/challenges/') ? one : two).tracker.handler(asked);
  await one.device('lamp-0', { handler }).client.register();
  const token = await one.tracker.access.grant('anna', ['viewer'], 'test');
  await until(() => two.tracker.access.lookup(token) !== undefined);
  const told: string[] = [];
  two.tracker.watch.follow(({ id, state }) => void told.push(`${id} ${state}`));
  await one.tracker.desk.start(one.campaign('c1', 2), 'test');
  await one.tracker.tick();
  await two.tracker.tick();
  assert.equal((await stores[0]?.campaign('c1'.repeat(16)))?.generation, 1, 'one of them plans');
  await until(() => told.includes('lamp-0 offered') && told.includes('lamp-1 offered'));
  // The first dies without a word; the second goes on with what it knows.
  const dead = one.tracker;
  one.tracker = two.tracker;
  for (const lamp of lamps) {
    await lamp.checkIn();
    await lamp.update();
  }
  two.clock.pass(20_000);
  await two.tracker.tick();
  assert.equal((await two.tracker.desk.campaign('c1'.repeat(16))).state, 'completed');
  await dead.close();
  await two.tracker.close();
  await Promise.all(stores.map(async (store) => store.close()));
});

test('S2-08: a device that is retired at one tracker has no session at the other', { skip }, async () => {
  const tenant = newTenant();
  const stores = await Promise.all([open(tenant), open(tenant)]);
  const [one, two] = await Promise.all(stores.map(async (store) => createWorld({ store })));
  assert.ok(one !== undefined && two !== undefined);
  const [lamp] = await one.lamps(1);
  assert.ok(lamp !== undefined);
  const told: string[] = [];
  one.tracker.watch.follow(({ id, state, because = '' }) => void told.push(`${id} ${state}: ${because}`));
  await two.tracker.desk.retire('lamp-0', 'stolen', 'anna');
  await until(() => told.includes('lamp-0 retired: stolen'));
  await assert.rejects(lamp.client.poll(), /found one that an operator has retired/);
  await two.tracker.desk.approve('lamp-0', 'anna');
  await lamp.checkIn();
  assert.equal((await stores[1]?.device('lamp-0'))?.approval, 'approved');
  for (const each of [one, two]) await each.tracker.close();
});
