/**
 * Trackers whose store somebody has edited offer what no operator has signed, over HTTP and with everything
 * else as it should be: the device refuses, and whoever asks the tracker reads why.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { hex } from '@lapel/cbor';
import type { Campaign } from '@lapel/status-tracker/protocol';
import { draw, waveOf } from '@lapel/status-tracker/policy';
import { deviceClass } from '@lapel/simulator';
import { generateSigningKey } from '@lapel/cose';
import { discard, systemClock } from '@lapel/transport';
import { fieldsOf } from '../../src/answers.ts';
import { askJson } from '../../src/ask.ts';
import { readToken } from '../../src/serve/data-folder.ts';
import { httpClient, request } from '@lapel/transport';
import type { Lamp } from '../house-device.ts';
import { lampIn } from '../house-device.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

interface Scene {
  readonly world: HouseWorld;
  readonly lamp: Lamp;
  /** Of the release that campaigns are for. */
  readonly manifest: string;
}

async function inScene(play: (scene: Scene) => Promise<void>): Promise<void> {
  const world = await openHouseWorld();
  try {
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const lamp = await lampIn(world);
    // It registers, and says what it is.
    await lamp.liveWhile(async () => (await world.house.store.device('lamp-1'))?.inventory === undefined);
    await play({ world, lamp, manifest });
  } finally {
    await world.close();
  }
}

async function start({ world, manifest }: Scene, changes: Partial<Campaign>): Promise<string> {
  const campaign = world.campaign(manifest, changes);
  const answer = await world.send('POST', '/campaigns', signedCampaign(campaign, world.operator));
  assert.equal(answer.status, 'created');
  await discard(answer.body);
  return hex(campaign.id);
}

/** Whoever holds the server may write into its store. */
const edit = ({ world }: Scene, ...statements: readonly (readonly [string, ...(string | Uint8Array)[]])[]) =>
  world.restart(() => {
    const db = new DatabaseSync(world.house.folder.database);
    for (const [text, ...values] of statements)
      assert.equal(db.prepare(text).run(...values).changes, 1, text);
    db.close();
  });

const memberSql = `INSERT INTO member (tenant, campaign, device, actor, place, status, generation, changed_ms)
  VALUES ('default', ?, 'lamp-1', 'somebody', 0, 'waiting', 0, 0)`;

const offered = async ({ world }: Scene, campaign: string) => {
  while ((await world.house.store.member(campaign, 'lamp-1'))?.status !== 'offered')
    await systemClock.sleep(20);
};

/** The device refuses for this reason, runs what it ran, and the tracker tells why. */
async function assertRefused({ world, lamp }: Scene, because: RegExp): Promise<void> {
  await lamp.liveUntil('offer-refused');
  assert.match(lamp.steps.find(([step]) => step === 'offer-refused')?.[1] ?? '', because);
  assert.ok(!lamp.steps.some(([step]) => step === 'manifest-validated'));
  const access = {
    handler: httpClient(world.house.url),
    token: await readToken(world.house.folder, 'viewer'),
  };
  const shown = fieldsOf(await askJson(access, request('GET', '/devices/lamp-1')));
  const inner = because.source.replaceAll(/^\^|\$$/g, '');
  assert.match(String(shown['explanation']), new RegExp(`the device refuses the offer: ${inner}`));
  assert.match(String(shown['evidence']), new RegExp(`it refused what it was offered: ${inner}`));
  assert.match(String(shown['version']), /^1\.0\.0$/);
}

test('S4-133: what an operator has signed for it, a device that checks campaigns installs', () =>
  inScene(async (scene) => {
    await start(scene, { predicate: 'id == "lamp-1" and sequence < 2', soakMs: 3_600_000, waves: [1000] });
    await scene.lamp.liveUntil('confirmed');
    assert.ok(!scene.lamp.steps.some(([step]) => step === 'offer-refused'));
  }));

test('S4-133: a device that no operator has meant refuses what an edited tracker offers it', () =>
  inScene(async (scene) => {
    const campaign = await start(scene, { predicate: 'id == "lamp-2"' });
    await edit(scene, [memberSql, campaign]);
    await offered(scene, campaign);
    await assertRefused(
      scene,
      /^expected a campaign for this device, found one for devices with id == "lamp-2"$/,
    );
  }));

test('S4-133: another release than the one that was signed is refused, though an author has signed it', () =>
  inScene(async (scene) => {
    const other = await scene.world.release(await lampImage('1.0.0'), 3);
    const campaign = await start(scene, { predicate: 'flash < 1' });
    const swap = 'UPDATE campaign SET digest = ?, sequence_number = 3, uri = ? WHERE id = ?';
    const uri = `/manifests/${other}`;
    await edit(scene, [swap, Buffer.from(other, 'hex'), uri, campaign], [memberSql, campaign]);
    await offered(scene, campaign);
    await assertRefused(
      scene,
      new RegExp(`^expected the manifest ${scene.manifest}, found ${other} in the offer$`),
    );
  }));

test('S4-133: a wave that has not come yet is refused, whatever place the tracker gives a device', () =>
  inScene(async (scene) => {
    const waves = [1, 1000];
    const ids = Array.from({ length: 64 }, () => crypto.getRandomValues(new Uint8Array(16)));
    const id = ids.find((each) => waveOf(draw(hex(each), 'lamp-1'), waves) === 1);
    assert.ok(id);
    const campaign = await start(scene, { id, waves, soakMs: 86_400_000 });
    await edit(scene, [`UPDATE member SET place = 0 WHERE campaign = ? AND status = 'waiting'`, campaign]);
    await offered(scene, campaign);
    await assertRefused(scene, /^expected an offer when wave 2 may open, found one 8\d+ ms before$/);
  }));

test('S4-133: a campaign that has expired is not revived by a tracker', () =>
  inScene(async (scene) => {
    const campaign = await start(scene, { expires: Date.now() + 3_000 });
    await offered(scene, campaign);
    await systemClock.sleep(3_000);
    await edit(scene, [`UPDATE member SET expires_ms = 9000000000000 WHERE campaign = ?`, campaign]);
    await assertRefused(scene, /^expected a campaign that has not expired, found one that has$/);
  }));

test('S4-133: a campaign that somebody else has signed is no operator’s', () =>
  inScene(async (scene) => {
    const campaign = await start(scene, {});
    const forged = scene.world.campaign(scene.manifest, { id: Buffer.from(campaign, 'hex') });
    const signed = signedCampaign(forged, generateSigningKey('P-256'));
    assert.deepEqual(forged.class, deviceClass('lamp'));
    await edit(scene, ['UPDATE campaign SET signed = ? WHERE id = ?', signed, campaign]);
    await offered(scene, campaign);
    await assertRefused(scene, /^campaign: expected .*, found .*$/);
  }));
