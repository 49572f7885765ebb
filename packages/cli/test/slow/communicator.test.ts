/**
 * A device core without a network and its communicator, as two commands with a line between them, before a
 * real server.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { discard, systemClock } from '@lapel/transport';
import { lampFile } from '../lamp-file.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('S2-06, S2-07, S2-17: lapel communicator updates a core that has only a line', async (context) => {
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
  const port = await freePort();
  start('device', 'core', 'lamp.flash', '--line', `tcp-listen:${port}`);
  start('communicator', '--core', `tcp:127.0.0.1:${port}`, '--server', world.house.url, '--poll', '1');
  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const campaign = world.campaign(manifest);
  await discard((await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator))).body);
  const status = async () => (await world.house.store.member(hex(campaign.id), 'lamp-1'))?.status;
  for (const begun = performance.now(); (await status()) !== 'confirmed';) {
    assert.ok(performance.now() - begun < 60_000, said);
    await systemClock.sleep(50);
  }
  assert.match(said, /lamp-1 runs 1, idle; woken 0 times/);
});
