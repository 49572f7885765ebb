/**
 * An update is carried to a device that no network reaches, and its signed reports back, with the real
 * commands and a real server.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { hex } from '@lapel/cbor';
import type { TrustStore } from '@lapel/device';
import { readTrustStore } from '@lapel/device';

import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Campaign } from '@lapel/status-tracker/protocol';
import { discard, httpClient, systemClock, systemRandom } from '@lapel/transport';
import { packFor } from '../../src/carry/pack.ts';
import { handInReports } from '../../src/carry/reports.ts';
import { readToken, tokenFile } from '../../src/serve/data-folder.ts';
import { openFlashFile } from '../../src/flash-file.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampFile } from '../lamp-file.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

/** A device that has been at the tracker once, in its factory. */
async function seenOnce(world: HouseWorld, trust: TrustStore): Promise<void> {
  const { deviceKey: key, trackerKey, device, class: product } = trust;
  assert.ok(trackerKey);
  const client = createTrackerClient({
    ...{ handler: httpClient(world.house.url), clock: systemClock, random: systemRandom },
    ...{ device, key, trackerKey, vendor: trust.vendor, class: product },
  });
  await client.checkIn({ state: 'idle', components: [], imageBytesMax: 40_000 });
}

/** Until the tracker has offered what the campaign is about. */
async function offeredTo(world: HouseWorld, device: string, campaign: Campaign): Promise<void> {
  const started = await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator));
  assert.equal(started.status, 'created');
  await discard(started.body);
  const status = async () => (await world.house.store.member(hex(campaign.id), device))?.status;
  while ((await status()) !== 'offered') await systemClock.sleep(20);
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}
type Run = (...args: readonly string[]) => Promise<Ended>;

const running =
  (folder: string): Run =>
  async (...args) => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [lapel, '--quiet', ...args], {
        cwd: folder,
      });
      return { stdout, stderr, code: 0 };
    } catch (error) {
      const { stdout = '', stderr = '', code } = error as Partial<Omit<Ended, 'code'>> & { code?: unknown };
      if (typeof code !== 'number') throw error;
      return { stdout, stderr, code };
    }
  };

test('S4-88, S4-17: a stick carries an offered update out, and the signed reports back', async (context) => {
  const world = await openHouseWorld();
  context.after(() => world.close());
  const run = running(world.folder);
  const [at, server] = [(name: string) => join(world.folder, name), ['--server', world.house.url]];
  await seenOnce(world, await lampFile(world, 'self-test'));
  const operator = [...server, '--token-file', tokenFile(world.house.folder, 'operator')];
  const handler = httpClient(world.house.url);
  const token = await readToken(world.house.folder, 'operator');
  const early = packFor('lamp-1', at('stick'), { handler, token });
  await assert.rejects(early, /expected an offer to lamp-1, found none/);

  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const campaign = world.campaign(manifest);
  await offeredTo(world, 'lamp-1', campaign);
  const status = async () => (await world.house.store.member(hex(campaign.id), 'lamp-1'))?.status;

  assert.equal((await run('carry', 'out', 'lamp-1', '--to', 'stick', ...operator)).stdout, `${manifest}\n`);
  assert.deepEqual(await run('device', 'bring', 'lamp.flash', '--stick', 'stick'), {
    stdout: 'runs sequence number 2, confirmed\n',
    stderr: '',
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

test('S4-88: a device that asks for it takes off a stick what operators signed only', async (context) => {
  const world = await openHouseWorld();
  context.after(() => world.close());
  const run = running(world.folder);
  await seenOnce(world, await lampFile(world, 'self-test', true));
  const access = {
    handler: httpClient(world.house.url),
    token: await readToken(world.house.folder, 'operator'),
  };
  const campaign = world.campaign(await world.release(await lampImage('1.1.0'), 2));
  await offeredTo(world, 'lamp-1', campaign);
  const stick = join(world.folder, 'stick');
  assert.deepEqual((await packFor('lamp-1', stick, access)).missing, []);
  const file = join(stick, 'lamp-1.campaign');
  const signed = await readFile(file);
  const bring = () => run('device', 'bring', 'lamp.flash', '--stick', 'stick');
  const others = world.campaign('ab'.repeat(32), { id: campaign.id });
  for (const [content, because] of [
    [undefined, /expected the digest of a signed campaign, found none/],
    [signed.with(signed.length - 1, (signed.at(-1) ?? 0) ^ 1), /campaign: expected a signature/],
    [signedCampaign(campaign, world.author), /campaign: expected/],
    [signedCampaign(others, world.operator), /expected the manifest abab/],
  ] as const) {
    if (content === undefined) await rm(file);
    else await writeFile(file, content);
    const { code, stderr } = await bring();
    assert.equal(code, 6, stderr);
    assert.match(stderr, because);
  }
  await writeFile(file, signed);
  assert.deepEqual(await bring(), { stdout: 'runs sequence number 2, confirmed\n', stderr: '', code: 0 });
});

test('S4-88, S4-67: a stick has what the manifests fetch that an update needs', async (context) => {
  const world = await openHouseWorld();
  context.after(() => world.close());
  const run = running(world.folder);
  const lapel = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const common = 'vendor: lapel.example\nclass: tag\n';
  const written = {
    'firmware-1.bin': 'the first firmware of the tag',
    'firmware-2.bin': 'the second firmware of the tag',
    'application.bin': 'an application',
    'one.yaml': `${common}sequence: 1\ncomponent: firmware\nimage: firmware-1.bin\nbootable: true\n`,
    'application.yaml': `${common}sequence: 2\ncomponent: application\nimage: application.bin\n`,
    'two.yaml':
      `${common}sequence: 2\ncomponent: firmware\nimage: firmware-2.bin\nbootable: true\n` +
      'dependencies:\n  - { id: application-manifest, envelope: application.suit }\n',
  };
  for (const [name, text] of Object.entries(written)) await writeFile(join(world.folder, name), text);
  for (const name of ['one', 'application', 'two']) {
    await lapel('create', `${name}.yaml`);
    await lapel('sign', `${name}.suit`, '--key', 'people/author.pem');
  }
  const server = ['--server', world.house.url];
  const tokenOf = (role: 'author' | 'operator') => ['--token-file', tokenFile(world.house.folder, role)];
  const made = ['--profile', 'trusted-applications', '--trust', 'people/author.pub.pem'];
  const tracked = ['--tracker', 'keys/tracker.pub.pem', '--confirm-by', 'self-test'];
  const first = ['--firmware', 'one.suit', '--image', 'firmware-1.bin'];
  await lapel('device', 'make', 'tag.flash', '--id', 'tag-1', ...made, ...tracked, ...first);
  const asTag = ['--key', 'tag.pub.pem', '--vendor', 'lapel.example', '--class', 'tag'];
  await lapel('devices', 'add', 'tag-1', ...asTag, ...server, ...tokenOf('operator'));
  const { flash, profile, close } = openFlashFile(join(world.folder, 'tag.flash'));
  const trust = readTrustStore(flash, profile.layout.trustStore);
  close();
  assert.ok(trust);
  await seenOnce(world, trust);
  await lapel('publish', 'two.suit', ...server, ...tokenOf('author'));
  const manifest = await lapel('release', 'two.suit', ...server, ...tokenOf('operator'));
  await offeredTo(world, 'tag-1', world.campaign(manifest, { class: trust.class }));
  await lapel('carry', 'out', 'tag-1', '--to', 'stick', ...server, ...tokenOf('operator'));
  // Both firmware and application, and the envelope of the latter.
  assert.equal(
    (await readdir(join(world.folder, 'stick'))).filter((name) => name.endsWith('.bin')).length,
    3,
  );
  assert.equal(
    await lapel('device', 'bring', 'tag.flash', '--stick', 'stick'),
    'runs sequence number 2, 2, 2, confirmed',
  );
});
