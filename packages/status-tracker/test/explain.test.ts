import assert from 'node:assert/strict';
import test from 'node:test';
import type { World } from './world.ts';
import { createWorld } from './world.ts';

const why = async (world: World, id: string) => (await world.tracker.desk.device(id)).explanation;

test('why is this device not updating? each reason in one sentence', async () => {
  const world = await createWorld();
  await world.device('stranger').checkIn();
  assert.equal(await why(world, 'stranger'), 'stranger waits for an operator to approve it.');
  const lamps = await world.lamps(4);
  assert.equal(await why(world, 'lamp-0'), 'lamp-0 runs 1.0.1, and no campaign addresses it.');
  await lamps[3]?.checkIn({ imageBytesMax: 10 });
  await world.tracker.desk.start(world.campaign('c1', 2, { inFlightMax: 1, failureRateMax: 1000 }), 'test');
  assert.equal(
    await why(world, 'lamp-3'),
    'lamp-3 can\'t have what "lamps to 2" offers: ' +
      'the image does not fit: expected room for 50000 bytes, found 10.',
  );
  await world.tracker.tick();
  const [offered] = await world.store.members('c1'.repeat(16), 'offered', { limit: 1 });
  const first = lamps.find(({ id }) => id === offered?.device);
  const next = lamps.find(({ id }) => id !== offered?.device && id !== 'lamp-3');
  assert.ok(first && next);
  world.clock.pass(3_000);
  assert.match(
    await why(world, first.id),
    /was offered [0-9a-f]{8}… by "lamps to 2" and was last seen 3 s ago\.$/,
  );
  assert.match(
    await why(world, next.id),
    /waits for its turn in "lamps to 2": devices before it have not finished yet\.$/,
  );
  await world.tracker.desk.order('c1'.repeat(16), world.order('c1', 1, 'pause'), 'test');
  assert.match(await why(world, next.id), /gets no offer of "lamps to 2", because the campaign is paused\.$/);
  await world.tracker.desk.order('c1'.repeat(16), world.order('c1', 2, 'resume'), 'test');
  const offer = await first.client.poll();
  assert.ok(offer);
  await first.checkIn({ state: 'fetching', pending: offer.digest });
  assert.match(
    await why(world, first.id),
    /is fetching what "lamps to 2" offers it, and was last seen 0 ms ago\.$/,
  );
  await first.client.report(first.report(offer, 'condition-failed'));
  assert.match(await why(world, first.id), /failed to install what "lamps to 2" offers: condition-failed\.$/);
  world.clock.pass(7_200_000);
  assert.match(
    await why(world, next.id),
    /gets no offer of "lamps to 2", because it was last seen 2 h ago\.$/,
  );
});

test('a halted campaign says of each device that waits what halted it', async () => {
  const world = await createWorld();
  const lamps = await world.lamps(2);
  await world.tracker.desk.start(world.campaign('c1', 2, { inFlightMax: 1, failureRateMax: 0 }), 'test');
  await world.tracker.tick();
  for (const lamp of lamps) {
    const offer = await lamp.client.poll();
    if (offer !== undefined) await lamp.client.report(lamp.report(offer, 'unauthorised'));
  }
  await world.tracker.tick();
  const [waiting] = await world.store.members('c1'.repeat(16), 'waiting', { limit: 1 });
  assert.match(
    await why(world, waiting?.device ?? ''),
    /gets no offer of "lamps to 2", because the campaign is halted: 1 of 1 finished devices failed\.$/,
  );
});
