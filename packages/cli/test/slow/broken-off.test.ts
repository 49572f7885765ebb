/** A command that is broken off while it writes. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`S4-91: ${signal} in the middle leaves what was there, and nothing half-written`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lapel-broken-off-'));
    try {
      const before = ['device.key', 'image.bin', 'image.bin.encrypted'];
      execFileSync(process.execPath, [lapel, 'keygen', 'device.key', '--algorithm', 'A128KW'], {
        cwd: folder,
      });
      await writeFile(join(folder, 'image.bin'), '');
      await truncate(join(folder, 'image.bin'), 500 * 2 ** 20);
      await writeFile(join(folder, 'image.bin.encrypted'), 'what was there before');
      const child = spawn(process.execPath, [lapel, 'encrypt', 'image.bin', '--for', 'device.key'], {
        cwd: folder,
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      // A name more: it has begun to write.
      while ((await readdir(folder)).length === before.length && child.exitCode === null) await sleep(5);
      assert.equal(child.exitCode, null, 'expected it to be writing, found that it has ended');
      child.kill(signal);
      assert.deepEqual(await ended, [code, null]);
      assert.deepEqual((await readdir(folder)).sort(), before);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

/** Each with the files that it makes. */
const writing: readonly (readonly [line: string, made: readonly string[]])[] = [
  ['keygen new.pem', ['new.pem', 'new.pub.pem']],
  [
    'keygen new.pem --algorithm hss-lms --leaves 1024 --mark new.mark',
    ['new.leaves', 'new.leaves.lock', 'new.mark', 'new.pem', 'new.pub.pem'],
  ],
  ['init --vendor lapel.example --class lamp --image lamp.bin -o new.yaml', ['new.yaml']],
  ['create --schema -o new.json', ['new.json']],
  ['create large.yaml -o new.suit', ['new.suit']],
  ['create packed.yaml -o new.suit', ['new.suit', 'packed.bin.compressed']],
  ['sign lamp.suit --key other.pem -o new.suit', ['new.suit']],
  ['mac lamp.suit --secret secret.mac -o new.suit', ['new.suit']],
  ['sever lamp.suit -o new.suit', ['new.suit']],
  ['trust retire other.pub.pem --key author.pem --vendor a.example --class lamp -o new.suit', ['new.suit']],
  [
    'device make new.flash --id lamp --trust author.pub.pem --confirm-by self-test' +
      ' --firmware lamp.suit --image lamp.bin --counter new.counter',
    ['new.counter', 'new.flash', 'new.pub.pem'],
  ],
];

for (const [line, made] of writing) {
  test(`S4-91: Ctrl-C in the middle of lapel ${line}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lapel-broken-off-'));
    try {
      const before = await prepare(folder);
      execFileSync(process.execPath, [lapel, ...line.split(' ')], { cwd: folder, stdio: 'ignore' });
      const whole = await contents(folder);
      for (const name of made) await rm(join(folder, name));
      for (const afterMs of [150, 300, 450, 600, 900]) {
        const child = spawn(process.execPath, [lapel, ...line.split(' ')], { cwd: folder, stdio: 'ignore' });
        const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
        await Promise.race([sleep(afterMs), ended]);
        child.kill('SIGINT');
        const [code, signal] = await ended;
        const found = await contents(folder);
        const added = [...found.keys()].filter((name) => !before.has(name)).sort();
        for (const [name, content] of before) assert.equal(found.get(name), content, name);
        assert.ok(code === 0 || code === 130 || signal === 'SIGINT', `found exit code ${code}`);
        // It may come when all is done but the end.
        if (code === 0 || added.length > 0) {
          assert.deepEqual(added, made, `after ${afterMs} ms`);
          for (const name of added) assert.equal(found.get(name)?.length, whole.get(name)?.length, name);
        }
        for (const name of added) await rm(join(folder, name));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

async function prepare(folder: string): Promise<ReadonlyMap<string, string>> {
  const lapelMakes = (...args: readonly string[]) =>
    execFileSync(process.execPath, [lapel, '--quiet', ...args], { cwd: folder, stdio: 'ignore' });
  const describe = (name: string, ...more: readonly string[]) => {
    const text = [
      'sequence: 1',
      'vendor: a.example',
      'class: lamp',
      'component: main',
      'version: 1.0.0',
      ...more,
    ];
    return writeFile(join(folder, `${name}.yaml`), `${text.join('\n')}\n`);
  };
  await writeFile(join(folder, 'lamp.bin'), 'a firmware image for a lamp\n');
  await writeFile(join(folder, 'packed.bin'), 'a lamp is a lamp is a lamp '.repeat(20_000));
  await writeFile(join(folder, 'large.bin'), '');
  await truncate(join(folder, 'large.bin'), 500 * 2 ** 20);
  await describe('lamp', 'image: lamp.bin', 'severable: [text]', 'bootable: true');
  await describe('large', 'image: large.bin');
  await describe('packed', 'image: packed.bin', 'compress: true');
  lapelMakes('keygen', 'author.pem');
  lapelMakes('keygen', 'other.pem');
  lapelMakes('keygen', 'secret.mac', '--algorithm', 'HMAC-256');
  lapelMakes('create', 'lamp.yaml');
  lapelMakes('sign', 'lamp.suit', '--key', 'author.pem');
  return contents(folder);
}

/** Of the large one only that it is there. */
async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder);
  const read = async (name: string) => (name === 'large.bin' ? '' : readFile(join(folder, name), 'base64'));
  return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)));
}
