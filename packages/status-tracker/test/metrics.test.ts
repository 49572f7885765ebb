import assert from 'node:assert/strict';
import test from 'node:test';
import { uuidText } from '@lapel/suit';
import { createApi } from './operator-world.ts';
import { lampClass, vendor } from './world.ts';

test('S2-08, S2-09: Prometheus reads how many devices run what, and where a campaign is', async (context) => {
  const { ask, world } = await createApi(context);
  await world.store.keepReceivers(['chat'], world.clock.wallMs());
  const lamps = await world.lamps(3);
  for (const lamp of lamps) await lamp.checkIn();
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  await lamps[0]?.update();
  const { status, text, headers } = await ask('viewer', 'GET', '/metrics');
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const of = `vendor="${uuidText(vendor)}",class="${uuidText(lampClass)}"`;
  assert.ok(text.includes(`lapel_devices{${of},version="1.0.1",state="idle"} 2`), text);
  const campaign = `campaign="${'c1'.repeat(16)}",name="lamps to 2",state="running"`;
  assert.match(text, new RegExp(`^lapel_campaign_devices\\{${campaign},status="confirmed"\\} 1$`, 'm'));
  assert.match(text, /^lapel_log_entries 2$/m);
  assert.match(text, /^lapel_webhook_waiting\{receiver="chat"\} [1-9]\d*$/m);
  assert.match(text, /^process_resident_memory_bytes \d+/m);
});

test('S4-23: what a fleet is made of is told to nobody without a token', async (context) => {
  const { ask } = await createApi(context);
  assert.equal((await ask(undefined, 'GET', '/metrics')).status, 401);
});
