/** `lapel serve` on PostgreSQL: several of them serve one fleet, and what is wrong is told in words. */

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../../../../tools/postgres-server.ts';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import { addLamp, createStage, until, withLamps } from '../stage.ts';

const skip = missingPostgres;
const password = 'correct horse';
let server: PostgresServer | undefined;
const postgres = async () => (server ??= await startPostgres(password));
test.after(async () => server?.stop());

/** A new database, and what names it. */
async function newDatabase(name: string): Promise<string> {
  const { command, url } = await postgres();
  command('createdb', name);
  return url.replace('db=postgres', `db=${name}`);
}

test(
  'two servers on one database serve one fleet, whichever is asked, and either may be killed',
  {
    skip,
  },
  async (t) => {
    const stage = await createStage(t);
    const { lapel, serving, background, folder } = stage;
    stage.environment['PGPASSWORD'] = password;
    const keys = await withLamps(stage);
    const database = ['--database', await newDatabase('shared')];
    const one = await serving(...database, ...keys);
    const two = await serving(...database);
    const at = (url: string, role: string) => ['--server', url, '--token-file', `data/tokens/${role}.token`];

    await lapel('publish', '1.1.0.suit', ...at(one.url, 'author'));
    await lapel('release', '1.1.0.suit', ...at(two.url, 'operator'));
    await addLamp(stage, 'lamp-77', at(one.url, 'operator'), '--confirm-by', 'self-test');
    const device = background('device', 'run', 'lamp-77.flash', '--server', two.url, '--poll', '1');
    await until(device, /booted sequence number 1/);
    const campaign = ['--release', '1.1.0.suit', '--key', 'operator.pem'];
    await lapel('campaign', 'start', ...campaign, ...at(two.url, 'operator'));
    one.child.kill('SIGKILL');
    await until(device, /booted sequence number 2/);
    await until(device, /reported to the tracker/);
    const shown = async () => lapel('devices', 'show', 'lamp-77', '--json', ...at(two.url, 'viewer'));
    for (let tries = 60; tries > 0 && !(await shown()).includes('"1.1.0"'); tries--) await sleep(500);
    assert.match(await shown(), /"1\.1\.0"/);
    assert.doesNotMatch(two.output, /bug| at /);

    // Tokens that were handed out are not made again.
    await rm(join(folder, 'data/tokens'), { recursive: true });
    const three = await serving(...database, '--json');
    assert.match(three.output, /"fleet":"socket:[^"]*db=shared/);
    assert.equal(
      (await stage.run('devices', 'list', ...at(three.url, 'viewer'))).exit,
      1,
      'the file is gone for good',
    );
  },
);

test(
  'S4-91: a database that can’t be used is told of in words, and its password in none',
  { skip },
  async (t) => {
    const stage = await createStage(t);
    const { run, folder, serving } = stage;
    const url = await newDatabase('fleet');
    await writeFile(join(folder, 'right'), `${password}\n`);
    await writeFile(join(folder, 'wrong'), 'battery staple\n');
    const newer = await newDatabase('newer');
    (await postgres()).command(
      'psql',
      '-d',
      'newer',
      '-c',
      'CREATE TABLE store_version (number BIGINT PRIMARY KEY)',
    );
    (await postgres()).command('psql', '-d', 'newer', '-c', 'INSERT INTO store_version VALUES (999)');
    const right = ['--password-file', 'right'];
    for (const [args, exit, message] of [
      [['--database', url], 5, /expected a password for socket:.*, found none/],
      [['--database', url, '--password-file', 'wrong'], 5, /expected a password that is right for socket:/],
      [['--database', `${url}&password=battery`], 5, /expected a password that is right for socket:/],
      [
        ['--database', url.replace('db=fleet', 'db=none'), ...right],
        7,
        /expected a database at .*, found none of/,
      ],
      [
        ['--database', newer, ...right],
        4,
        /expected a fleet store of version \d+ or lower, found 999 in socket:/,
      ],
      [
        ['--database', 'postgres://u:battery@127.0.0.1:9/fleet'],
        3,
        /postgres:\/\/u@127\.0\.0\.1:9\/fleet, found nobody/,
      ],
      [
        ['--database', 'postgres://nowhere.invalid/fleet'],
        3,
        /found (?:no such host|nobody who knows the host)/,
      ],
      [['--database', 'mysql://u:battery@here/fleet'], 2, /expected --database to be postgres:/],
      [['--database', url, ...right, '--tenant', 'No!'], 2, /expected --tenant to have/],
    ] as const) {
      const ended = await run('serve', '--port', '0', ...args);
      assert.equal(ended.exit, exit, `${args.join(' ')}\n${ended.stderr}`);
      assert.match(ended.stderr, message);
      assert.doesNotMatch(`${ended.stdout}${ended.stderr}`, /battery|horse|bug/);
    }
    const { output, child } = await serving('--database', url, ...right, '--tenant', 'north');
    assert.match(output, /http:/);
    child.kill('SIGTERM');
    assert.equal(
      await readFile(join(folder, 'data/keys/tracker.pub.pem'), 'utf8').then((text) => text.length > 0),
      true,
    );
  },
);

test('S4-91: a file that is no fleet is told of in words', async (t) => {
  const { run, folder, serving } = await createStage(t);
  const { child } = await serving();
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await over;
  await writeFile(
    join(folder, 'data/tracker.sqlite'),
    'no database at all, but long enough to be one\n'.repeat(20),
  );
  const ended = await run('serve', '--port', '0');
  assert.equal(ended.exit, 1);
  assert.match(ended.stderr, /expected a fleet in sqlite:data, found another file/);
});
