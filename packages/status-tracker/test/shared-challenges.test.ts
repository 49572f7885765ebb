import assert from 'node:assert/strict';
import test from 'node:test';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect, readProblem, request } from '@lapel/transport';
import { createMemoryStore } from '../src/index.ts';
import { challengeMsMax } from '../src/server/challenges.ts';
import type { SharedChallenges } from '../src/server/shared-challenges.ts';
import { createSharedChallenges } from '../src/server/shared-challenges.ts';
import { createWorld, lampClass, testClock, testKey, testRandom, vendor } from './world.ts';

/** Processes on one store, each with a monotonic clock of its own; all know of each other. */
async function started(count: number) {
  const all = processes(count);
  for (const { challenges } of all) await challenges.look();
  for (const { clock, challenges } of all) {
    clock.pass(2_000);
    await challenges.look();
  }
  return all;
}

function processes(count: number) {
  const store = createMemoryStore();
  return Array.from({ length: count }, (_, index) => {
    const clock = testClock();
    clock.pass(index * 1e9);
    return { clock, challenges: createSharedChallenges({ store, clock, random: testRandom(`${index}`) }) };
  });
}

const use = async (challenges: SharedChallenges, challenge: Uint8Array, device = 'lamp-1') =>
  (await challenges.check(device, challenge))();

test('X-36: what one process has made another takes, once among all of them', async () => {
  const [one, two, three] = await started(3);
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  const challenge = await one.challenges.make('lamp-1');
  await assert.rejects(two.challenges.check('lamp-2', challenge), /found another$/);
  await use(two.challenges, challenge);
  for (const { challenges } of [one, two, three])
    await assert.rejects(use(challenges, challenge), /found one that was used$/);
  const twice = await three.challenges.make('lamp-1');
  const ends = await Promise.allSettled(
    [one, two, three].map(async ({ challenges }) => use(challenges, twice)),
  );
  assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('X-36: a challenge is good for two minutes at most, whatever wall clocks do', async () => {
  const [one, two] = await started(2);
  assert.ok(one !== undefined && two !== undefined);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 2_000) {
      for (const { clock, challenges } of [one, two]) {
        clock.pass(Math.min(left, 2_000));
        await challenges.look();
      }
    }
  };
  await pass(5_000);
  const challenges = [await one.challenges.make('lamp-1'), await one.challenges.make('lamp-1')];
  const [early, late] = challenges;
  assert.ok(early !== undefined && late !== undefined);
  two.clock.setBack(1e12);
  one.clock.setBack(-1e12);
  await pass(80_000);
  await use(two.challenges, early);
  await pass(challengeMsMax - 80_000 + 1);
  for (const { challenges: held } of [one, two])
    await assert.rejects(
      use(held, late),
      /expected a challenge of the last 120000 ms, found one made \d+ ms/,
    );
  await pass(600_000);
  for (let turn = 0; turn < 20; turn += 1) {
    await pass(31_000);
    await one.challenges.make('lamp-1');
  }
  for (const { challenges: held } of [one, two]) {
    await assert.rejects(use(held, early), /expected a challenge/);
    await assert.rejects(use(held, late), /expected a challenge/);
  }
});

test('X-36: who starts takes nothing whose age it can’t know, and spoils nobody else’s', async () => {
  const [one, two, late] = processes(3);
  assert.ok(one !== undefined && two !== undefined && late !== undefined);
  await two.challenges.look();
  const challenge = await one.challenges.make('lamp-1');
  await assert.rejects(use(late.challenges, challenge), /found an older one$/);
  const next = await late.challenges.make('lamp-1');
  await use(one.challenges, next);
  await use(two.challenges, challenge);
  // Nobody asked for an hour: what was made then is old for all of them, those that slept through it, too.
  const old = await one.challenges.make('lamp-1');
  for (const { clock } of [one, two, late]) clock.pass(3_600_000);
  for (const { challenges } of [one, two, late])
    await assert.rejects(use(challenges, old), /expected a challenge/);
});

test('X-36: behind a balancer, the challenge of one tracker is good for another', async () => {
  const store = createMemoryStore();
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (name) => createWorld({ store, name, random: testRandom(name) })),
  );
  assert.ok(one !== undefined && two !== undefined);
  one.clock.pass(2_000);
  await one.tracker.tick();
  const { public: key } = testKey('lamp-1');
  await one.tracker.desk.provision({ id: 'lamp-1', key, vendor, class: lampClass }, 'test');
  const said: Uint8Array[] = [];
  const balancer: Handler = async (asked) => {
    if (asked.path.startsWith('/challenges/')) return one.tracker.handler(asked);
    const body = await collect(asked.body, 16_384);
    said.push(body);
    return two.tracker.handler({ ...asked, body: bytesBody(body) });
  };
  await one.device('lamp-1', { handler: balancer }).client.register();
  const [registration] = said;
  assert.ok(registration !== undefined);
  const started = await store.sessions('lamp-1');
  for (const { tracker } of [one, two]) {
    const again = await tracker.handler(request('POST', '/register', { body: bytesBody(registration) }));
    assert.match((await readProblem(again)).detail, /found one that was used$/);
  }
  assert.deepEqual(await store.sessions('lamp-1'), started);
});
