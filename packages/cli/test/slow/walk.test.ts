/**
 * The README's walk: one update by hand, from keys to a confirmed device, with every command a user types.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
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

/** Waits until the output of a process in the background matches, at most a minute. */
async function until(process: { readonly output: string }, pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (pattern.test(process.output)) return;
    await sleep(200);
  }
  assert.fail(`expected ${pattern} within a minute, found:\n${process.output}`);
}

test('S0-01, S2-04, S4-23: author, operator and device make one update by command', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-walk-'));
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' });
  const lapel = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = run(...args);
    assert.equal(status, 0, `lapel ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };
  const background = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const seen = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (seen.output += text));
    }
    return seen;
  };

  for (const version of ['1.0.0', '1.1.0']) {
    await copyFile(join(lamp, `lamp-${version}.bin`), join(folder, `lamp-${version}.bin`));
    await writeFile(join(folder, `lamp-${version}.yaml`), description(version === '1.0.0' ? 1 : 2, version));
  }
  lapel('keygen', 'author.pem');
  lapel('keygen', 'operator.pem', '--algorithm', 'Ed25519');
  for (const version of ['1.0.0', '1.1.0']) {
    lapel('create', `lamp-${version}.yaml`, '-o', `lamp-${version}.suit`);
    lapel('sign', `lamp-${version}.suit`, '--key', 'author.pem');
    lapel('verify', `lamp-${version}.suit`, '--trust', 'author.pub.pem');
  }

  const keys = ['--author', 'author.pub.pem', '--operator', 'operator.pub.pem'];
  const serve = () => background('serve', '--port', '0', '--data', 'data', ...keys);
  const server = serve();
  await until(server, /http:\S+/);
  const url = /http:\S+/.exec(server.output)?.[0] ?? '';
  const as = (role: string) => ['--server', url, '--token-file', `data/tokens/${role}.token`];

  lapel('publish', 'lamp-1.1.0.suit', ...as('author'));
  assert.equal(run('release', 'lamp-1.1.0.suit', ...as('author')).status, 5, 'an author cannot release');
  assert.equal(run('publish', 'lamp-1.1.0.suit', ...as('author')).status, 4, 'a second time is a conflict');
  lapel('release', 'lamp-1.1.0.suit', ...as('operator'));

  const factory = ['--trust', 'author.pub.pem', '--tracker', 'data/keys/tracker.pub.pem'];
  const firmware = ['--firmware', 'lamp-1.0.0.suit', '--image', 'lamp-1.0.0.bin'];
  lapel('device', 'make', 'lamp.flash', '--id', 'lamp-77', ...factory, ...firmware);
  const identity = ['--key', 'lamp.pub.pem', '--vendor', 'lapel.example', '--class', 'lamp'];
  lapel('devices', 'add', 'lamp-77', ...identity, ...as('operator'));

  const first = background('device', 'run', 'lamp.flash', '--server', url, '--poll', '1');
  await until(first, /booted sequence number 1/);
  lapel('campaign', 'start', '--release', 'lamp-1.1.0.suit', '--key', 'operator.pem', ...as('operator'));
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
  const shown = JSON.parse(lapel('devices', 'show', 'lamp-77', '--json', ...as('viewer'))) as {
    version?: string;
  };
  assert.match(JSON.stringify(shown), /1\.1\.0/);
  const token = await readFile(join(folder, 'data/tokens/viewer.token'), 'utf8');
  const headers = { authorization: `Bearer ${token.trim()}` };
  const said = (await (await fetch(`${url}/devices/lamp-77/reports`, { headers })).json()) as readonly Said[];
  const replays = said.filter(({ kind }) => kind === 'report').map(({ replay }) => replay?.end);
  assert.deepEqual(new Set(replays), new Set(['plausible']), 'X-90: what a device reports, it can have done');
  const status = lapel('campaign', 'list', '--json', ...as('viewer'));
  assert.match(status, /completed|running/);
  second.child.kill('SIGTERM');
  await once(second.child, 'close');
  assert.match(lapel('device', 'show', 'lamp.flash'), /confirmed, sequence number 2/);
});
