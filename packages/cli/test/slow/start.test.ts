/** `npm start` as a person uses it: on an empty folder, again, on a busy port, killed in the middle. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/start-main.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** The last line, where it is JSON. */
  readonly result: unknown;
}

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-start-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** @param seen called with all output so far, whenever there is more */
async function start(
  args: readonly string[],
  seen?: (output: string, child: ChildProcess) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      seen?.(output, child);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  return { code, output, result: last.startsWith('{') ? JSON.parse(last) : undefined };
}

const succeeded = { devices: 50, addressed: 25, confirmed: 25, failed: 0, wrongClassChanged: 0 };

function requireSuccess({ code, output, result }: Ended): void {
  assert.equal(code, 0, output);
  assert.ok(typeof result === 'object' && result !== null && 'seconds' in result, output);
  const { seconds, ...counts } = result;
  assert.equal(typeof seconds, 'number');
  assert.deepEqual(counts, succeeded, output);
}

test('S0-01, S1-18, S3-01, S3-04, S3-06, S3-16, S4-33: of fifty devices one class updates', async (t) => {
  const data = await emptyFolder(t);
  requireSuccess(await start(['--once', '--port', '0', '--data', data]));

  await t.test('a second start finds the release, the campaign and the devices of the first', async () => {
    const again = await start(['--once', '--port', '0', '--data', data]);
    requireSuccess(again);
    assert.match(again.output, /found in/);
    assert.equal((await readdir(join(data, 'firmware', 'published'))).length, 1);
  });

  await t.test("S0-09: the user's own image follows, whatever is in it", async () => {
    const image = join(data, 'own.bin');
    await writeFile(
      image,
      new Uint8Array(30_001).map((_, index) => (index * 7) & 0xff),
    );
    requireSuccess(await start(['--once', '--port', '0', '--data', data, '--image', image]));
    assert.equal((await readdir(join(data, 'firmware', 'published'))).length, 2);
  });

  await t.test('an image that no slot holds is refused in one sentence', async () => {
    const image = join(data, 'large.bin');
    await writeFile(image, new Uint8Array(1_000_000));
    const { code, output } = await start(['--once', '--port', '0', '--data', data, '--image', image]);
    assert.equal(code, 1);
    assert.match(output, /expected an image of at most \d+ bytes, found 1000000/);
    assert.doesNotMatch(output, /^\s+at /m);
  });
});

test('S4-41: killed in the middle of a rollout, everything goes on after the next start', async (t) => {
  const data = await emptyFolder(t);
  const killed = await start(['--once', '--port', '0', '--data', data], (output, child) => {
    if (/[3-9] of 25 confirmed/.test(output)) child.kill('SIGKILL');
  });
  assert.equal(killed.code, null, killed.output);
  requireSuccess(await start(['--once', '--port', '0', '--data', data]));
});

test('a busy port is told before anything is written', async (t) => {
  const folder = await emptyFolder(t);
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const data = join(folder, 'data');
  const { code, output } = await start(['--once', '--port', String(address.port), '--data', data]);
  assert.equal(code, 4);
  assert.match(output, new RegExp(`expected port ${address.port} to be free, found it in use`));
  assert.doesNotMatch(output, /^\s+at /m);
  assert.equal((await readdir(folder)).includes('data'), false);
});
