import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { house } from './house.ts';

const launcher = join(house, 'tools/run.mjs');
const shim = join(house, 'packages/cli/bin/lapel.mjs');
const orphan = join(house, 'packages/cli/bin/orphan.mjs');

test('the launcher refuses an unknown command with exit code 2 and a list of the commands', () => {
  const result = spawnSync(process.execPath, [launcher, 'fly'], { encoding: 'utf8' });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /^expected a command, found 'fly'$/m);
  for (const name of ['start', 'test', 'check', 'bench', 'flows', 'powercut', 'pack']) {
    assert.match(result.stderr, new RegExp(`^  ${name} `, 'm'));
  }
});

test('the launcher passes arguments and the exit code on', () => {
  const result = spawnSync(process.execPath, [launcher, 'bench', '--only', 'no-such-room'], {
    encoding: 'utf8',
  });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /found 'no-such-room'/);
});

test('the launcher and the shim are read by an older Node, so they are plain JavaScript', () => {
  for (const path of [launcher, shim, orphan]) {
    const result = spawnSync(process.execPath, ['--no-strip-types', '--check', path], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
  }
});

test('a process whose launcher is killed ends too', async () => {
  const waits = ['--import', orphan, '--eval', 'setInterval(() => {}, 1000)'];
  const launching = `
    const { spawn } = require('node:child_process');
    const stdio = ['ignore', 'inherit', 'ignore', 'ipc'];
    const child = spawn(process.execPath, ${JSON.stringify(waits)}, { stdio });
    process.stdout.write(child.pid + '\\n');
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--eval', launching], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout, 'data');
  // Both processes hold the pipe: it closes when the last of them is gone.
  const closed = once(parent.stdout, 'close');
  parent.stdout.resume();
  parent.kill('SIGKILL');
  await closed;
});
