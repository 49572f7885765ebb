/** A command that is broken off while it writes. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
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
