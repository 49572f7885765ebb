/** A tracker that sends devices to firmware servers near them, and devices for whom one of those fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, HttpServer } from '@lapel/transport';
import { TransportError, httpClient, serveHttp, systemClock } from '@lapel/transport';
import { readFirmwareServers } from '../src/serve/firmware-servers.ts';
import { lampIn } from './house-device.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';

function onBug(error: unknown): never {
  throw error;
}

/** Another way to the same firmware, and what was asked of it. */
async function mirror(house: () => Handler): Promise<HttpServer & { readonly asked: string[] }> {
  const asked: string[] = [];
  const handler: Handler = async (request) => {
    asked.push(request.path.split('/', 2)[1] ?? '');
    return house()(request);
  };
  return { ...(await serveHttp(handler, { port: 0, onBug })), asked };
}

async function updated(world: HouseWorld, tags: Readonly<Record<string, string>>): Promise<void> {
  const digest = await world.release(await lampImage('1.1.0'), 2);
  const roads = (asked: string): Handler => httpClient(asked);
  const lamp = await lampIn(world, systemClock, () => ({
    ...{ upstream: httpClient(world.house.url), origin: world.house.url },
    around: (link) => (asked) => link(asked) ?? roads(asked),
  }));
  await world.house.tracker.desk.tag(['lamp-1'], { set: tags, remove: [] }, 'test');
  const campaign = signedCampaign(world.campaign(digest), world.operator);
  assert.equal((await world.send('POST', '/campaigns', campaign)).status, 'created');
  await lamp.liveUntil('reported');
  assert.equal(lamp.steps.at(-2)?.[0], 'confirmed');
}

test('S2-13, S4-22: devices are sent to the firmware server near them, and fetch all there', async () => {
  let world: HouseWorld | undefined;
  const handler = (): Handler => world?.house.firmware.handler ?? assert.fail('expected a house, found none');
  const [berlin, others] = [await mirror(handler), await mirror(handler)];
  const firmwareServers = readFirmwareServers([others.url, `${berlin.url},site=berlin`]);
  try {
    world = await openHouseWorld(undefined, { firmwareServers });
    await updated(world, { site: 'berlin' });
    assert.ok(berlin.asked.includes('payloads'));
    assert.deepEqual(
      others.asked.filter((path) => path !== 'manifests'),
      [],
      'of it the tracker only asks whether it stands',
    );
  } finally {
    await world?.close();
    for (const each of [berlin, others]) await each.close(0);
  }
});

test('S2-13: a device whose firmware server fails goes on at its tracker', async () => {
  let world: HouseWorld | undefined;
  let asked = 0;
  // It hands out the manifest, as the tracker sees, and nothing else.
  const failing = await serveHttp(
    async (request) => {
      asked++;
      if (request.path.startsWith('/manifests/') && world !== undefined)
        return world.house.firmware.handler(request);
      throw new TransportError('unreachable', 'its disk is gone');
    },
    { port: 0, onBug: () => undefined },
  );
  try {
    world = await openHouseWorld(undefined, { firmwareServers: readFirmwareServers([failing.url]) });
    await updated(world, {});
    assert.ok(asked > 1);
  } finally {
    await world?.close();
    await failing.close(0);
  }
});

test('S2-13: what names no firmware server is told so', () => {
  assert.throws(() => readFirmwareServers(['ftp://eu.example']), /expected --firmware-server such as/);
  assert.throws(() => readFirmwareServers(['https://eu.example,berlin']), /expected a tag .* found berlin$/);
  assert.throws(
    () => readFirmwareServers(Array(17).fill('https://a.example')),
    /at most 16 times, found it 17/,
  );
});
