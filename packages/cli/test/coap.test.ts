/** `lapel serve` and a device that speaks CoAP and nothing else, over real sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discard, systemClock } from '@lapel/transport';
import { roadsTo } from '../src/device/roads.ts';
import { lampIn } from './house-device.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';

for (const scheme of ['coap', 'coap+tcp'])
  test(`S1-11, S4-31: over ${scheme} alone a device registers, is pushed to, updates`, async () => {
    const world = await openHouseWorld(undefined, { coapPort: 0 });
    try {
      const origin = world.house.coap.find((url) => url.startsWith(`${scheme}:`)) ?? '';
      const upstream = roadsTo({ tls: {}, clock: systemClock })(origin);
      assert.ok(upstream);
      const lamp = await lampIn(world, systemClock, { upstream, origin, waitMs: 60_000 });
      const living = lamp.liveUntil('reported');
      // It has looked, found nothing, and observes.
      const manifest = await world.release(await lampImage('1.1.0'), 2);
      const started = await world.send(
        'POST',
        '/campaigns',
        signedCampaign(world.campaign(manifest), world.operator),
      );
      assert.equal(started.status, 'created');
      await discard(started.body);
      await living;
      assert.deepEqual(
        lamp.steps.map(([step]) => step),
        ['manifest-validated', 'fetching', 'image-verified', 'staged', 'restarting', 'confirmed', 'reported'],
      );
    } finally {
      await world.close();
    }
  });
