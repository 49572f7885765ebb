/**
 * The README's walk: one update by hand, from keys to a confirmed device, with every command a user types.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createStage, until } from '../stage.ts';

const lamp = fileURLToPath(new URL('../../../../examples/lamp/build/', import.meta.url));

const description = (sequence: number, version: string) => `
sequence: ${sequence}
vendor: lapel.example
class: lamp
component: main
image: lamp-${version}.bin
version: ${version}
bootable: true
`;

/** What the tracker keeps of a device's words. */
interface Said {
  readonly kind: string;
  readonly replay?: { readonly end: string };
}

test('S0-01, S2-04, S4-23, S4-80: author, operator and device make one update by command', async (t) => {
  const { folder, run, lapel, background, serving } = await createStage(t);
  for (const version of ['1.0.0', '1.1.0']) {
    await copyFile(join(lamp, `lamp-${version}.bin`), join(folder, `lamp-${version}.bin`));
    await writeFile(join(folder, `lamp-${version}.yaml`), description(version === '1.0.0' ? 1 : 2, version));
  }
  await lapel('keygen', 'author.pem');
  await lapel('keygen', 'operator.pem', '--algorithm', 'Ed25519');
  for (const version of ['1.0.0', '1.1.0']) {
    await lapel('create', `lamp-${version}.yaml`, '-o', `lamp-${version}.suit`);
    await lapel('sign', `lamp-${version}.suit`, '--key', 'author.pem');
    await lapel('verify', `lamp-${version}.suit`, '--trust', 'author.pub.pem');
  }

  const keys = ['--author', 'author.pub.pem', '--operator', 'operator.pub.pem'];
  const { url } = await serving('--data', 'data', ...keys);
  const as = (role: string) => ['--server', url, '--token-file', `data/tokens/${role}.token`];

  await lapel('publish', 'lamp-1.1.0.suit', ...as('author'));
  assert.equal(
    (await run('release', 'lamp-1.1.0.suit', ...as('author'))).exit,
    5,
    'an author cannot release',
  );
  assert.equal(
    (await run('publish', 'lamp-1.1.0.suit', ...as('author'))).exit,
    4,
    'a second time is a conflict',
  );
  await lapel('release', 'lamp-1.1.0.suit', ...as('operator'));

  const factory = ['--trust', 'author.pub.pem', '--tracker', 'data/keys/tracker.pub.pem'];
  const firmware = ['--firmware', 'lamp-1.0.0.suit', '--image', 'lamp-1.0.0.bin'];
  await lapel('device', 'make', 'lamp.flash', '--id', 'lamp-77', ...factory, ...firmware);
  const identity = ['--key', 'lamp.pub.pem', '--vendor', 'lapel.example', '--class', 'lamp'];
  await lapel('devices', 'add', 'lamp-77', ...identity, ...as('operator'));

  const first = background('device', 'run', 'lamp.flash', '--server', url, '--poll', '1');
  await until(first, /booted sequence number 1/);
  await lapel(
    'campaign',
    'start',
    '--release',
    'lamp-1.1.0.suit',
    '--key',
    'operator.pem',
    ...as('operator'),
  );
  await until(first, /fetching/);
  // The power switch, wherever in the update it finds the device.
  first.child.kill('SIGKILL');
  await once(first.child, 'close');

  const second = background('device', 'run', 'lamp.flash', '--server', url, '--poll', '1');
  const lives = {
    get output() {
      return first.output + second.output;
    },
  };
  await until(lives, /reported to the tracker/);
  await until(second, /booted sequence number 2/);
  const shown = JSON.parse(await lapel('devices', 'show', 'lamp-77', '--json', ...as('viewer'))) as {
    version?: string;
  };
  assert.match(JSON.stringify(shown), /1\.1\.0/);
  const token = await readFile(join(folder, 'data/tokens/viewer.token'), 'utf8');
  const headers = { authorization: `Bearer ${token.trim()}` };
  const said = (await (await fetch(`${url}/devices/lamp-77/reports`, { headers })).json()) as readonly Said[];
  const replays = said.filter(({ kind }) => kind === 'report').map(({ replay }) => replay?.end);
  assert.deepEqual(new Set(replays), new Set(['plausible']), 'X-90: what a device reports, it can have done');
  const status = await lapel('campaign', 'list', '--json', ...as('viewer'));
  assert.match(status, /completed|running/);
  second.child.kill('SIGTERM');
  await once(second.child, 'close');
  assert.match(await lapel('device', 'show', 'lamp.flash'), /confirmed, sequence number 2/);
});
