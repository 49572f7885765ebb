/** A device under OSCORE before a gateway, and that under another secret before a real server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SharedSecret } from '@lapel/cose';
import { generateSigningKey } from '@lapel/cose';
import { messageNumbers } from '@lapel/device';
import { deviceClass, vendor } from '@lapel/simulator';
import { discard, request, systemClock, systemRandom } from '@lapel/transport';
import type { OpenGatewayOptions, OpenedGateway } from '../src/gateway/open-gateway.ts';
import { openGatewayHouse } from '../src/gateway/open-gateway.ts';
import { deviceContext, roadsTo } from '../src/device/roads.ts';
import { generateSharedSecret } from '../src/oscore-file.ts';
import { lampIn } from './house-device.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';
import { onlyBugs } from './only-bugs.ts';

const log = onlyBugs(
  (error) => {
    throw error;
  },
  () => undefined,
);

const coapOf = (urls: readonly string[]): string =>
  urls.find((url) => url.startsWith('coap:')) ?? assert.fail('expected coap, found none');

const gatewayBefore = (world: HouseWorld, secrets: Partial<OpenGatewayOptions>): Promise<OpenedGateway> =>
  openGatewayHouse({
    folder: join(world.folder, 'gateway'),
    upstreams: [coapOf(world.house.coap)],
    port: 0,
    coapPort: 0,
    cacheBytes: 10_000_000,
    upstreamTls: {},
    registering: undefined,
    log,
    ...secrets,
  });

/** The tracker knows the gateway as one who may speak at all, and no device's secret. */
async function letIn(world: HouseWorld, channel: SharedSecret): Promise<void> {
  const key = generateSigningKey('P-256').public;
  const cellar = { id: 'cellar', key, vendor, class: deviceClass('gateway'), channel };
  await world.house.tracker.desk.provision(cellar, 'test');
}

test('S1-11, S4-21: OSCORE ends at a gateway and begins anew; what is signed goes through', async () => {
  const world = await openHouseWorld(undefined, { coapPort: 0, oscoreOnly: true });
  const [below, above] = [generateSharedSecret(systemRandom), generateSharedSecret(systemRandom)];
  await letIn(world, above);
  const secrets = { oscore: [{ id: 'lamp-1', secret: below }], oscoreOnly: true, upstreamOscore: above };
  let gateway = await gatewayBefore(world, secrets);
  try {
    const lamp = await lampIn(world, systemClock, () => {
      const origin = coapOf(gateway.coap);
      const context = deviceContext(
        below,
        messageNumbers(() => lamp.journal),
      );
      const upstream = roadsTo({ tls: {}, clock: systemClock, oscore: { origin, context } })(origin);
      assert.ok(upstream);
      return { upstream, origin, waitMs: 60_000, isProvenByChannel: true };
    });
    const { desk } = world.house.tracker;
    await lamp.liveWhile(async () => (await desk.device('lamp-1')).device.inventory === undefined);
    // What it must not forget is in its folder: it goes on under the same secrets, and so do both its sides.
    await gateway.close();
    gateway = await gatewayBefore(world, secrets);
    const living = lamp.liveUntil('reported');
    const manifest = await world.release(await lampImage('1.1.0'), 2);
    const started = await world.send(
      'POST',
      '/campaigns',
      signedCampaign(world.campaign(manifest), world.operator),
    );
    await discard(started.body);
    await living;
    assert.deepEqual(lamp.steps.map(([step]) => step).slice(-2), ['confirmed', 'reported']);
    // It has read what it keeps: between the hops nothing is sealed but by the author.
    assert.equal(gateway.standing().cache.transfers, 2);
    for (const door of [coapOf(gateway.coap), coapOf(world.house.coap)]) {
      const stranger = roadsTo({ tls: {}, clock: systemClock })(door);
      const refused = await stranger?.(request('GET', '/latest/a/b'));
      assert.equal(refused?.status, 'unauthorized');
      await discard(refused.body);
    }
  } finally {
    await gateway.close();
    await world.close();
  }
});

test('S1-11: secrets that can’t be told apart, or a folder that is in use, are refused', async () => {
  const world = await openHouseWorld(undefined, { coapPort: 0 });
  try {
    const secret = generateSharedSecret(systemRandom);
    const [first, second] = ['lamp-1', 'lamp-2'].map((id) => ({ id, secret }));
    assert.ok(first && second);
    await assert.rejects(
      gatewayBefore(world, { oscore: [first, second] }),
      /found one for lamp-1 and lamp-2/,
    );
    const many = { upstreams: ['coap://a.example', 'coap://b.example'], upstreamOscore: secret };
    await assert.rejects(gatewayBefore(world, many), /expected one --upstream of CoAP .*, found 2/);
    const gateway = await gatewayBefore(world, { oscore: [first] });
    await assert.rejects(
      gatewayBefore(world, { oscore: [second] }),
      /expected a folder that no other gateway/,
    );
    await gateway.close();
  } finally {
    await world.close();
  }
});
