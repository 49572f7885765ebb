/**
 * An update is carried to a device that no network reaches, and its signed reports back, with the real
 * commands and a real server.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { hex } from '@lapel/cbor';
import { deviceClass, vendor } from '@lapel/simulator';
import { createTrackerClient } from '@lapel/status-tracker/client';
import { discard, httpClient, systemClock, systemRandom } from '@lapel/transport';
import { packFor } from '../../src/carry/pack.ts';
import { handInReports } from '../../src/carry/reports.ts';
import { readToken, tokenFile } from '../../src/serve/data-folder.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampFile } from '../lamp-file.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

/** A lamp that has been at the tracker once, in its factory. */
async function lampFromFactory(world: HouseWorld): Promise<void> {
  const { deviceKey: key, trackerKey } = await lampFile(world, 'self-test');
  assert.ok(trackerKey);
  const client = createTrackerClient({
    ...{ handler: httpClient(world.house.url), clock: systemClock, random: systemRandom },
    ...{ device: 'lamp-1', key, trackerKey, vendor, class: deviceClass('lamp') },
  });
  await client.checkIn({ state: 'idle', components: [], imageBytesMax: 40_000 });
}

type Run = (...args: readonly string[]) => Promise<{ readonly stdout: string; readonly code: number }>;

const running =
  (folder: string): Run =>
  async (...args) => {
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [lapel, '--quiet', ...args], {
        cwd: folder,
      });
      return { stdout, code: 0 };
    } catch (error) {
      const { stdout = '', code } = error as { stdout?: string; code?: unknown };
      if (typeof code !== 'number') throw error;
      return { stdout, code };
    }
  };

test('S4-88, S4-17: a stick carries an offered update out, and the signed reports back', async (context) => {
  const world = await openHouseWorld();
  context.after(() => world.close());
  const run = running(world.folder);
  const [at, server] = [(name: string) => join(world.folder, name), ['--server', world.house.url]];
  await lampFromFactory(world);
  const operator = [...server, '--token-file', tokenFile(world.house.folder, 'operator')];
  const handler = httpClient(world.house.url);
  const token = await readToken(world.house.folder, 'operator');
  const early = packFor('lamp-1', at('stick'), { handler, token });
  await assert.rejects(early, /expected an offer to lamp-1, found none/);

  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const campaign = world.campaign(manifest);
  await discard((await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator))).body);
  const status = async () => (await world.house.store.member(hex(campaign.id), 'lamp-1'))?.status;
  while ((await status()) !== 'offered') await systemClock.sleep(20);

  assert.equal((await run('carry', 'out', 'lamp-1', '--to', 'stick', ...operator)).stdout, `${manifest}\n`);
  assert.deepEqual(await run('device', 'bring', 'lamp.flash', '--stick', 'stick'), {
    stdout: 'runs sequence number 2, confirmed\n',
    code: 0,
  });
  assert.equal(await status(), 'offered', 'nobody has told the tracker yet');
  const reports = (await readdir(at('stick'))).filter((name) => name.endsWith('.report'));
  assert.deepEqual(reports, ['lamp-1.00001.report', 'lamp-1.00002.report']);

  // Whoever carries the stick may change what is on it, and nothing comes of that.
  const file = at(`stick/${reports[1]}`);
  const said = await readFile(file);
  await writeFile(file, said.with(said.length - 1, (said.at(-1) ?? 0) ^ 1));
  const told = await handInReports(at('stick'), handler);
  assert.deepEqual(
    told.map(({ refused }) => refused === undefined),
    [true, false],
  );
  assert.notEqual(await status(), 'confirmed');
  await writeFile(file, said);
  assert.equal((await run('carry', 'back', '--from', 'stick', ...server)).code, 0);
  assert.equal(await status(), 'confirmed');
  assert.deepEqual(await handInReports(at('stick'), handler), []);
});
