/** `lapel serve` and a device that speaks CoAP and nothing else, over real sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageNumbers } from '@lapel/device';
import type { Network } from '@lapel/device';
import { bytesBody, collect, discard, request, systemClock, systemRandom } from '@lapel/transport';
import { serveCoap } from '@lapel/transport/coap';
import { deviceContext, roadsTo } from '../src/device/roads.ts';
import { generateSharedSecret } from '../src/oscore-file.ts';
import type { Lamp } from './house-device.ts';
import { lampIn } from './house-device.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';

const coapOf = ({ house }: HouseWorld, scheme: string): string =>
  house.coap.find((url) => url.startsWith(`${scheme}:`)) ?? assert.fail(`expected ${scheme}, found none`);

async function rollOut(world: HouseWorld): Promise<void> {
  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const signed = signedCampaign(world.campaign(manifest), world.operator);
  const started = await world.send('POST', '/campaigns', signed);
  assert.equal(started.status, 'created');
  await discard(started.body);
}

const wholeUpdate = 'manifest-validated fetching image-verified staged restarting confirmed reported';
const toldBy = ({ steps }: Lamp): string => steps.map(([step]) => step).join(' ');

for (const scheme of ['coap', 'coap+tcp'])
  test(`S1-11, S4-31: over ${scheme} alone a device registers, is pushed to, updates`, async () => {
    const world = await openHouseWorld(undefined, { coapPort: 0 });
    try {
      const origin = coapOf(world, scheme);
      const upstream = roadsTo({ tls: {}, clock: systemClock })(origin);
      assert.ok(upstream);
      const lamp = await lampIn(world, systemClock, () => ({ upstream, origin, waitMs: 60_000 }));
      const living = lamp.liveUntil('reported');
      await rollOut(world);
      await living;
      assert.equal(toldBy(lamp), wholeUpdate);
    } finally {
      await world.close();
    }
  });

test('S1-C: a tracker over TCP sends a device to an image that another server has over UDP', async (t) => {
  const world = await openHouseWorld(undefined, { coapPort: 0 });
  try {
    const image = await lampImage('1.1.0');
    const asked: string[] = [];
    const elsewhere = await serveCoap(
      async ({ path }) => {
        asked.push(path);
        return { status: 'ok', size: image.length, body: bytesBody(image) };
      },
      { port: 0, onBug: assert.ifError },
    );
    t.after(() => elsewhere.close());
    const images = 'coap://images.lapel.example';
    world.payloadsAt = `${images}/lamps/1.1`;
    const origin = coapOf(world, 'coap+tcp');
    const roads = roadsTo({ tls: {}, clock: systemClock });
    // What a name service would do.
    const network = (asked: string) => roads(asked === images ? elsewhere.url : asked);
    const upstream = roads(origin) ?? assert.fail('expected a road, found none');
    const around = (link: Network) => (asked: string) => link(asked) ?? network(asked);
    const lamp = await lampIn(world, systemClock, () => ({ upstream, origin, around }));
    const living = lamp.liveUntil('reported');
    await rollOut(world);
    await living;
    assert.equal(toldBy(lamp), wholeUpdate);
    assert.ok(asked.length > 0 && asked.every((path) => path === '/lamps/1.1'));
  } finally {
    await world.close();
  }
});

test('S1-11: under OSCORE a device is known by its secret, also after both have restarted', async () => {
  const world = await openHouseWorld(undefined, { coapPort: 0, oscoreOnly: true });
  try {
    const channel = generateSharedSecret(systemRandom);
    const lamp = await lampIn(world, systemClock, () => {
      const origin = coapOf(world, 'coap');
      const context = deviceContext(
        channel,
        messageNumbers(() => lamp.journal),
      );
      const upstream = roadsTo({ tls: {}, clock: systemClock, oscore: { origin, context } })(origin);
      assert.ok(upstream);
      return { upstream, origin, waitMs: 60_000, isProvenByChannel: true };
    });
    const { desk } = world.house.tracker;
    const { vendor, class: product, deviceKey } = lamp.device.trust;
    await desk.provision({ id: 'lamp-1', key: deviceKey.public, vendor, class: product, channel }, 'test');
    await lamp.liveWhile(async () => (await desk.device('lamp-1')).device.inventory === undefined);
    await world.restart();
    const living = lamp.liveUntil('reported');
    await rollOut(world);
    await living;
    assert.equal(toldBy(lamp), wholeUpdate);
    // Whoever has no secret gets nothing, not even what over HTTP is everybody's.
    const stranger = roadsTo({ tls: {}, clock: systemClock })(coapOf(world, 'coap'));
    const refused = await stranger?.(request('GET', '/capabilities'));
    assert.equal(refused?.status, 'unauthorized');
    await collect(refused.body, 1_000);
  } finally {
    await world.close();
  }
});
