/** A fleet goes from SQLite to PostgreSQL by command, under devices that poll and report over HTTP. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import { addLamp, createStage, until, withLamps } from '../stage.ts';

test(
  'devices that update while their fleet moves are served on by the new store, and counted once',
  {
    skip: missingPostgres,
  },
  async (t) => {
    const postgres = await startPostgres();
    t.after(() => postgres.stop());
    postgres.command('createdb', 'fleet');
    const to = postgres.url.replace('db=postgres', 'db=fleet');
    const stage = await createStage(t);
    const { lapel, run, serving, background } = stage;
    const old = await serving(...(await withLamps(stage)));
    const { port } = new URL(old.url);
    const as = (role: string) => ['--server', old.url, '--token-file', `data/tokens/${role}.token`];
    await lapel('publish', '1.1.0.suit', ...as('author'));
    await lapel('release', '1.1.0.suit', ...as('operator'));
    const devices = [];
    for (const id of ['lamp-1', 'lamp-2', 'lamp-3']) {
      await addLamp(stage, id, as('operator'), '--confirm-by', 'self-test');
      devices.push(background('device', 'run', `${id}.flash`, '--server', old.url, '--poll', '1'));
    }
    for (const device of devices) await until(device, /booted sequence number 1/);
    await lapel('campaign', 'start', '--release', '1.1.0.suit', '--key', 'operator.pem', ...as('operator'));

    const move = ['migrate', '--from', 'sqlite:data', '--to', to];
    const killed = background(...move);
    const claimed = `SELECT 1 FROM pg_tables WHERE tablename = 'fleet_move'`;
    while (postgres.command('psql', '-d', 'fleet', '-Atc', claimed) === '') await sleep(10);
    const state = 'SELECT state FROM fleet_move';
    while (!postgres.command('psql', '-d', 'fleet', '-Atc', state).includes('filling')) await sleep(10);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'close');
    assert.match(postgres.command('psql', '-d', 'fleet', '-Atc', state), /filling/, 'it was not over');
    const moved = JSON.parse(await lapel(...move, '--json')) as {
      readonly rows: Readonly<Record<string, number>>;
      readonly closedMs: number;
    };
    assert.equal(moved.rows['device'], 3);
    assert.ok(moved.closedMs >= 2000, 'trackers had time to notice');
    t.diagnostic(`closed for ${moved.closedMs} ms`);
    await until(old, /the fleet has moved to another store/);
    assert.equal((await fetch(`${old.url}/offers/lamp-1`)).status, 503, 'devices are told to come again');
    assert.equal((await run('devices', 'list', ...as('viewer'))).exit, 3);
    old.child.kill('SIGTERM');
    await once(old.child, 'close');
    const refused = await run('serve', '--port', '0');
    assert.equal(refused.exit, 4);
    assert.match(refused.stderr, /expected the fleet in sqlite:data, found it moved to socket:/);

    const server = background('serve', '--port', port, '--database', to);
    await until(server, /http:\S+/);
    for (const device of devices) await until(device, /booted sequence number 2/);
    for (const device of devices) await until(device, /reported to the tracker/);
    const campaigns = await lapel('campaign', 'list', '--json', ...as('viewer'));
    for (let tries = 60; tries > 0; tries--) {
      if ((await lapel('campaign', 'list', '--json', ...as('viewer'))).includes('"completed"')) break;
    }
    assert.match(await lapel('campaign', 'list', '--json', ...as('viewer')), /"completed"/, campaigns);
    assert.equal(
      (await run('migrate', '--from', 'sqlite:data', '--cancel')).exit,
      4,
      'what is over stays so',
    );
  },
);
