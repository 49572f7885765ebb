/** A served fleet is kept in a backup and comes back, while the device went on after it. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { write } from '@lapel/cbor';
import { signAttached } from '@lapel/cose';
import type { DeviceView } from '@lapel/status-tracker';
import { CampaignOrder } from '@lapel/status-tracker/protocol';
import type { WholeStore } from '@lapel/status-tracker/whole';
import { fleetTables, openSqliteWhole, pagesOf } from '@lapel/status-tracker/whole';
import { discard } from '@lapel/transport';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import { lampIn } from '../house-device.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const lapel = async (...args: readonly string[]) =>
  (await promisify(execFile)(process.execPath, [main, ...args, '--json'])).stdout;

test('a device that went on after a backup is neither frozen nor moved backwards by it', async () => {
  const world = await openHouseWorld();
  try {
    const [lost, backup] = [`${world.folder}.lost`, `${world.folder}.backup`];
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const lamp = await lampIn(world);
    const device = async () => world.house.store.device('lamp-1');
    await lamp.liveWhile(async () => (await device())?.inventory === undefined);
    const { tracker } = world.house;
    const campaign = world.campaign(manifest);
    const view = await tracker.desk.start(signedCampaign(campaign, world.operator), 'test');
    const { digest } = JSON.parse(await lapel('backup', '--data', world.folder, '-o', backup)) as {
      readonly digest: string;
    };
    assert.equal(sequenceOf(await device()), 1, 'the backup was before the update');
    await lamp.liveWhile(
      async () => (await world.house.store.member(view.id, 'lamp-1'))?.status !== 'confirmed',
    );

    await world.restart(async () => {
      await rename(world.folder, lost);
      const args = ['restore', backup, '--data', world.folder, '--digest', digest];
      const told = JSON.parse(await lapel(...args)) as { readonly paused: number };
      assert.equal(told.paused, 1);
    });
    const { store } = world.house;
    assert.equal(sequenceOf(await device()), 1, 'the fleet is the older one');
    const known = await store.campaign(view.id);
    assert.equal(known?.state, 'paused');
    assert.match(known?.because ?? '', /restored as it was on .*: whether it was stopped since is not known/);
    const fetched = lamp.steps.filter(([step]) => step === 'fetching').length;
    await lamp.liveWhile(async () => sequenceOf(await device()) !== 2);
    assert.equal((await device())?.approval, 'approved', 'nobody takes it for a clone');

    const order = {
      version: 1,
      campaign: campaign.id,
      number: 1,
      order: 'resume',
      created: Date.now(),
    } as const;
    const signed = signAttached(world.operator, write(CampaignOrder, order));
    await discard((await world.send('POST', `/campaigns/${view.id}/orders`, signed)).body);
    await lamp.liveWhile(async () => (await store.campaign(view.id))?.state !== 'completed');
    const { status } = (await store.member(view.id, 'lamp-1')) ?? {};
    assert.ok(status === 'confirmed' || status === 'superseded', `found it ${status}`);
    assert.equal(sequenceOf(await device()), 2);
    assert.equal(
      lamp.steps.filter(([step]) => step === 'fetching').length,
      fetched,
      'it fetches nothing again',
    );
    for (const path of [lost, backup]) await rm(path, { recursive: true });
  } finally {
    await world.close();
  }
});

const sequenceOf = (device: DeviceView | undefined) => device?.inventory?.components[0]?.sequenceNumber;

/** Every row, but of what a restore itself adds and changes. */
async function rowsOf(store: WholeStore): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const table of fleetTables) {
    const columns = await store.columnsOf(table.name);
    const rows: unknown[] = [];
    for await (const page of pagesOf(store.sql, table, columns)) rows.push(...page);
    tables[table.name] = rows.filter((row) => !JSON.stringify(row).includes('restore'));
  }
  await store.close();
  return tables;
}

test(
  'a fleet goes from SQLite to PostgreSQL and back by backups, row for row and file for file',
  {
    skip: missingPostgres,
  },
  async (t) => {
    const postgres = await startPostgres();
    t.after(() => postgres.stop());
    postgres.command('createdb', 'fleet');
    const url = postgres.url.replace('db=postgres', 'db=fleet');
    const world = await openHouseWorld();
    try {
      const at = (name: string) => join(world.folder, 'people', name);
      const manifest = await world.release(await lampImage('1.1.0'), 2);
      const lamp = await lampIn(world);
      const campaign = world.campaign(manifest);
      const { id } = await world.house.tracker.desk.start(signedCampaign(campaign, world.operator), 'test');
      await lamp.liveWhile(async () => (await world.house.store.campaign(id))?.state !== 'completed');
      // What is written behind is written by a round that begins now; one may be under way.
      for (let rounds = 0; rounds < 2; rounds++) await world.house.tracker.tick();
      await lapel('backup', '--data', world.folder, '-o', at('1.backup'));
      await lapel('restore', at('1.backup'), '--data', at('one'), '--database', url);
      const again = lapel('restore', at('1.backup'), '--data', at('none'), '--database', url);
      await assert.rejects(again, /expected an empty store at .*, found a fleet/);
      await lapel('backup', '--data', at('one'), '--database', url, '-o', at('2.backup'));
      await lapel('restore', at('2.backup'), '--data', at('two'));
      const first = await rowsOf(openSqliteWhole(join(world.folder, 'tracker.sqlite')));
      const last = await rowsOf(openSqliteWhole(join(at('two'), 'tracker.sqlite')));
      for (const [table, rows] of Object.entries(first)) {
        if (table !== 'campaign') assert.deepEqual(last[table], rows, table);
      }
      for (const folder of [
        'keys',
        'tokens',
        'firmware/published',
        'firmware/releases',
        'firmware/blobs/sha256',
      ]) {
        const [from, to] = [join(world.folder, folder), join(at('two'), folder)];
        const entries = await readdir(from, { recursive: true, withFileTypes: true });
        for (const entry of entries.filter((each) => each.isFile())) {
          const inside = join(entry.parentPath, entry.name).slice(from.length);
          assert.deepEqual(await readFile(join(to, inside)), await readFile(join(from, inside)), inside);
        }
      }
      assert.deepEqual(
        (await readdir(at(''))).filter((name) => name.includes('restoring')),
        [],
      );
    } finally {
      await world.close();
    }
  },
);

test('S4-91: Ctrl-C in a backup or a restore leaves nothing; what a kill leaves goes later', async () => {
  const world = await openHouseWorld();
  try {
    const people = join(world.folder, 'people');
    // So large that there is a middle: a payload of which every byte is 0, under its SHA-256.
    const blob = join(world.folder, 'firmware/blobs/sha256', zeros.slice(0, 2));
    await mkdir(blob, { recursive: true });
    const file = join(blob, zeros.slice(2));
    await writeFile(file, '');
    await truncate(file, zerosBytes);
    const before = (await readdir(people)).length;
    const args = ['backup', '--data', world.folder, '-o', join(people, 'fleet.backup')];
    await brokenOff(args, async () => (await readdir(people)).length > before);
    assert.equal((await readdir(people)).length, before);
    await lapel(...args);
    const restoring = ['restore', join(people, 'fleet.backup'), '--data', join(people, 'new')];
    await brokenOff(restoring, async () => (await readdir(people)).length > before + 1);
    assert.equal((await readdir(people)).length, before + 1);

    await brokenOff(restoring, async () => (await readdir(people)).length > before + 1, 'SIGKILL');
    const left = async () => (await readdir(people)).filter((name) => name.endsWith('.restoring'));
    assert.equal((await left()).length, 1, 'nobody can take away anything then');
    const refused = /expected .*new to be restored, found a restore that was broken off, .*\.restoring: run/;
    await assert.rejects(lapel('serve', '--port', '0', '--data', join(people, 'new')), refused);
    const { stderr } = await promisify(execFile)(process.execPath, [main, ...restoring]);
    assert.match(stderr, /took away .*\.restoring, which a restore had left that was broken off/);
    assert.deepEqual(await left(), []);

    // Of a process that is there: this one.
    await mkdir(join(people, `newer.${process.pid}.${randomUUID()}.restoring`));
    const another = ['restore', join(people, 'fleet.backup'), '--data', join(people, 'newer')];
    await assert.rejects(
      lapel(...another),
      /expected no restore of .*newer under way, found process \d+ at it/,
    );
    assert.equal((await left()).length, 1);
  } finally {
    await world.close();
  }
});

const zerosBytes = 64 * 2 ** 20;
const zeros = '3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351';

async function brokenOff(
  args: readonly string[],
  hasBegun: () => Promise<boolean>,
  signal: 'SIGINT' | 'SIGKILL' = 'SIGINT',
): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  while (!(await hasBegun()) && child.exitCode === null) await sleep(5);
  assert.equal(child.exitCode, null, 'expected it to be writing, found that it has ended');
  child.kill(signal);
  assert.deepEqual(await ended, signal === 'SIGINT' ? [130, null] : [null, signal]);
}
