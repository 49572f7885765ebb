/** A device core and its communicator at both ends of a serial line, as the system has them. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { discard, systemClock } from '@lapel/transport';
import { lampFile } from '../lamp-file.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

const skip =
  spawnSync('socat', ['-V'], { stdio: 'ignore' }).error === undefined
    ? false
    : 'socat is not here: tools/debian-packages.txt names it';

/** Two devices and what is between them. */
async function serialLine(folder: string) {
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  const ends = [near, far].map((path) => `pty,link=${path},raw,echo=0`);
  const bridge = spawn('socat', ends, { stdio: 'ignore' });
  while (!existsSync(near) || !existsSync(far)) await systemClock.sleep(20);
  return { near, far, bridge };
}

test(
  'S2-07, S2-17: a communicator updates a core at the other end of a serial line',
  { skip },
  async (context) => {
    const world = await openHouseWorld();
    const children: ChildProcess[] = [];
    let said = '';
    const start = (...args: readonly string[]) => {
      const child = spawn(process.execPath, [lapel, ...args], { cwd: world.folder });
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      children.push(child);
    };
    context.after(async () => {
      const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
      for (const child of children) child.kill();
      await Promise.all(ended);
      await world.close();
    });
    await lampFile(world, 'tracker');
    const { near, far, bridge } = await serialLine(world.folder);
    children.push(bridge);
    start('device', 'core', 'lamp.flash', '--line', near);
    start('communicator', '--core', far, '--server', world.house.url, '--poll', '1');
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const campaign = world.campaign(manifest);
    await discard((await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator))).body);
    const status = async () => (await world.house.store.member(hex(campaign.id), 'lamp-1'))?.status;
    for (const begun = performance.now(); (await status()) !== 'confirmed';) {
      assert.ok(performance.now() - begun < 60_000, said);
      await systemClock.sleep(50);
    }
    assert.match(said, /lamp-1 runs 1, idle; woken 0 times/);
  },
);

test(
  'S2-17: a serial line of which the other end takes nothing holds nobody up',
  { skip },
  async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'lapel-serial-'));
    const { near, far, bridge } = await serialLine(folder);
    const fill = openSync(far, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
    bridge.kill('SIGSTOP');
    assert.throws(() => {
      for (;;) writeSync(fill, new Uint8Array(512));
    }, /EAGAIN/);
    closeSync(fill);
    const words = ['communicator', '--core', far, '--server', 'http://localhost:1', '--poll', '1'];
    const child = spawn(process.execPath, [lapel, ...words], { cwd: folder });
    context.after(async () => {
      for (const one of [bridge, child]) one.kill('SIGKILL');
      await rm(folder, { recursive: true });
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    while (!said.includes('connected')) await systemClock.sleep(50);
    // It asks the core at once, and again.
    await systemClock.sleep(2_000);
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
    child.kill();
    assert.deepEqual(await ended, [0, null]);
    assert.ok(existsSync(near));
  },
);
