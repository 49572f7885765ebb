/** Whole updates over CoAP in made time: over a link that loses, through cuts, a NAT, and short windows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Terms } from '@lapel/status-tracker/protocol';
import type { Handler } from '@lapel/transport';
import { decodeMessage, optionTable } from '@lapel/transport/coap';
import type { CoapRoad, CoapRoadPlan } from '../src/coap-road.ts';
import { coapRoad } from '../src/coap-road.ts';
import { datagramLink, natBefore } from '../src/datagram-link.ts';
import type { DeviceMaking } from '../src/modes-device.ts';
import { slowLink } from '../src/modes-link.ts';
import { release, timesOf } from '../src/modes-play.ts';
import type { ModesWorld } from '../src/modes-world.ts';
import { hour, minute, modesWorld, second } from '../src/modes-world.ts';

interface Scene {
  readonly world: ModesWorld;
  readonly plan: CoapRoadPlan;
  readonly making?: Partial<DeviceMaking>;
}

interface Setting extends Omit<CoapRoadPlan, 'clock' | 'random'> {
  readonly making?: Partial<DeviceMaking>;
  /** What the device's own radio keeps back. */
  readonly held?: (upstream: Handler) => Handler;
}

/** A lamp behind such a road, for as long as the play lasts. */
async function withLamp(
  seed: number,
  stage: (world: ModesWorld) => Setting,
  play: (scene: Scene & { readonly status: () => Promise<string | undefined> }) => Promise<void>,
): Promise<void> {
  const world = await modesWorld({ seed, over: 'http' });
  const { making = {}, held = (upstream) => upstream, ...given } = stage(world);
  const plan: CoapRoadPlan = { clock: world.clock, random: world.random.fork('road'), ...given };
  let road: CoapRoad | undefined;
  const lamp = await world.make({
    ...{ id: 'lamp', className: 'lamp', mode: 'client-initiated', pollMs: 5 * second, imagePages: 60 },
    link: (upstream: Handler) => held((road = coapRoad(upstream, plan)).handler),
    ...making,
  });
  lamp.switchOn();
  try {
    await play({ world, plan, status: lamp.status });
  } finally {
    await world.end();
    await road?.close();
  }
}

/** Lives on until the tracker has it confirmed. */
async function confirmed(world: ModesWorld, status: () => Promise<string | undefined>, msMax: number) {
  while (world.sinceStart() < msMax && (await status()) !== 'confirmed')
    await world.run(world.clock.wallMs() + minute);
  assert.equal(await status(), 'confirmed', world.trace.map(({ what }) => what).join('\n'));
}

test('S0-03: 100 KiB reach the device though a tenth of all datagrams is lost', () =>
  withLamp(
    1,
    ({ clock, random }) => ({
      link: datagramLink(clock, random.fork('air'), { loss: 0.1, copies: 0.02, delayMs: [20, 300] }),
    }),
    async ({ world, status }) => {
      await release(world, 'lamp', { bytes: 100 * 1024 });
      await confirmed(world, status, 30 * minute);
    },
  ));

/** How long the blocks of an image were under way, and how often they were asked for in sets. */
async function transfer(quick: boolean) {
  const sentMs: number[] = [];
  let questions = 0;
  const asksForSets = (bytes: Uint8Array): boolean =>
    decodeMessage(bytes).options.some(({ number }) => number === optionTable.qBlock2.number);
  await withLamp(
    7,
    ({ clock, random }) => ({
      quick,
      link: datagramLink(clock, random.fork('air'), {
        ...{ loss: 0.1, copies: 0.02, delayMs: [400, 800] },
        onSent(from, bytes) {
          if (from === 'server' && bytes.length > 1000) sentMs.push(clock.monotonicMs());
          if (from === 'device' && asksForSets(bytes)) questions += 1;
        },
      }),
    }),
    async ({ world, status }) => {
      await release(world, 'lamp', { bytes: 100 * 1024 });
      await confirmed(world, status, hour);
    },
  );
  return { ms: (sentMs.at(-1) ?? NaN) - (sentMs[0] ?? NaN), questions };
}

test('S0-03, RFC 9177 §1: on a slow link that loses, an image in sets takes a third as long', async () => {
  const [plain, quick] = [await transfer(false), await transfer(true)];
  assert.equal(plain.questions, 0);
  // A set is ten blocks; what is lost of it is asked for again.
  assert.ok(quick.questions > 10, `${quick.questions} questions`);
  assert.ok(3 * quick.ms < plain.ms, `${quick.ms} ms in sets, ${plain.ms} ms one by one`);
});

test('S0-03: a transfer goes on where it stopped, cut behind every block', () => {
  const imageBytes = 40 * 1024;
  let downUntilMs = 0;
  let blocks = 0;
  return withLamp(
    3,
    ({ clock, random }) => ({
      link: datagramLink(clock, random.fork('air'), {
        delayMs: [20, 20],
        isUp: () => clock.monotonicMs() >= downUntilMs,
        onSent(from, bytes) {
          if (from !== 'server' || bytes.length < 1000) return;
          blocks += 1;
          // It arrives, and then nothing does until whoever waits for the next one has given up.
          void clock.sleep(30).then(() => (downUntilMs = clock.monotonicMs() + 100 * second));
        },
      }),
    }),
    async ({ world, status }) => {
      await release(world, 'lamp', { bytes: imageBytes });
      await confirmed(world, status, 12 * hour);
      const whole = Math.ceil(imageBytes / 1024);
      assert.ok(blocks >= whole && blocks <= whole + 10, `${blocks} blocks were sent, for ${whole}`);
    },
  );
});

/** When the lamp began with each of three releases, measured from when it was offered. */
async function pushes({ world }: Scene): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (const sequence of [2, 3, 4]) {
    await world.run(world.clock.wallMs() + 7 * minute);
    const before = timesOf(world, /manifests: ok/).length;
    const offeredMs = world.sinceStart();
    await release(world, 'lamp', { sequence });
    await world.run(world.clock.wallMs() + 5 * minute);
    latencies.push((timesOf(world, /manifests: ok/)[before] ?? Infinity) - offeredMs);
  }
  return latencies;
}

test('S4-19: behind a NAT that forgets after 30 s a device keeps its binding and is pushed to', () => {
  const making = { waitMs: hour };
  let bindings = () => 0;
  return withLamp(
    4,
    ({ clock, random }) => {
      const link = datagramLink(clock, random.fork('air'), { delayMs: [20, 80] });
      const inside = natBefore(link, clock, 30 * second);
      bindings = () => inside.bindings;
      return { link, inside, making };
    },
    async (scene) => {
      for (const ms of await pushes(scene)) assert.ok(ms < 2 * second, `pushed after ${ms} ms`);
      assert.equal(bindings(), 1);
      assert.equal(await scene.status(), 'confirmed');
    },
  );
});

test('S4-19: where a NAT has forgotten a device, that is found again by observing anew', () => {
  const making = { waitMs: hour };
  const renewMs = 50 * second;
  let bindings = () => 0;
  return withLamp(
    5,
    ({ clock, random }) => {
      const link = datagramLink(clock, random.fork('air'), { loss: 0.1, delayMs: [20, 80] });
      const inside = natBefore(link, clock, 30 * second);
      bindings = () => inside.bindings;
      return { link, inside, renewMs, making };
    },
    async (scene) => {
      for (const ms of await pushes(scene)) assert.ok(ms < renewMs + 60 * second, `pushed after ${ms} ms`);
      assert.ok(bindings() > 10, `${bindings()} bindings`);
      assert.equal(await scene.status(), 'confirmed');
    },
  );
});

test('S3-28: a device that is there for 10 s in 10 min is pushed an image over several windows', () =>
  withLamp(
    6,
    ({ clock, random }) => {
      const [everyMs, reachableMs] = [10 * minute, 10 * second];
      const isUp = () => clock.monotonicMs() % everyMs < reachableMs;
      // It knows when its radio is on, and says nothing before.
      const untilUpMs = () => everyMs - (clock.monotonicMs() % everyMs);
      const terms: Terms = {
        ...{ transports: ['http'], manifestVersions: [1], reachability: 'windows', everyMs, reachableMs },
      };
      return {
        link: datagramLink(clock, random.fork('air'), { loss: 0.02, isUp, bytesPerSecond: 1_000 }),
        held: slowLink({ clock, isUp, untilUpMs, bytesPerSecond: () => Infinity }),
        making: { waitMs: minute, terms },
      };
    },
    async ({ world, status }) => {
      await release(world, 'lamp', { bytes: 30_000 });
      await confirmed(world, status, 6 * hour);
      const windows = new Set(timesOf(world, /payloads/).map((at) => Math.floor(at / (10 * minute))));
      assert.ok(windows.size >= 3, `${windows.size} windows`);
    },
  ));
