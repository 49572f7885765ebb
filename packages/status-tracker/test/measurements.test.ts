/** What a device tells of its start, on its way to the people who look at it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { hex } from '@lapel/cbor';
import { componentsMax } from '../src/protocol.ts';
import { deviceJson } from '../src/server/api/as-json.ts';
import { renderPage } from '../src/server/api/page.ts';
import type { World } from './world.ts';
import { authors, imageDigest, signedRelease } from './manifest-fixtures.ts';
import { component, createWorld, digestFor, inventoryOf, measured, measuredImage, testKey } from './world.ts';

async function deviceIn(world: World) {
  return (await world.store.device('lamp-0')) ?? assert.fail('lamp-0 is not there');
}

async function pageOf(world: World): Promise<string> {
  return renderPage({
    nowMs: world.clock.wallMs(),
    groups: await world.store.summary(),
    campaigns: [],
    devices: await world.store.devices({ limit: 10 }),
    classNames: new Map(),
  });
}

test('S4-126: all that a device may tell of its start fits into one check-in', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  const componentsOf = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      component: [new Uint8Array(62).fill(index)],
      sequenceNumber: Number.MAX_SAFE_INTEGER,
      manifestDigest: digestFor(1),
      version: 'v'.repeat(64),
      ...measuredImage,
    }));
  for (const count of [8, componentsMax]) {
    const components = componentsOf(count);
    await lamp?.checkIn({ ...measured, components });
    const inventory = (await deviceIn(world)).inventory;
    assert.deepEqual(inventory?.components, components);
    assert.deepEqual(inventory.refused, measured.refused);
  }
});

test('S4-125, S4-126: what a start measured and refused is read as JSON', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  const [told] = inventoryOf(1).components;
  assert.ok(told);
  await lamp?.checkIn({ ...measured, components: [{ ...told, ...measuredImage }] });
  const device = deviceJson(await deviceIn(world));
  assert.equal(device.loaderDigest, '10'.repeat(32));
  assert.equal(device.bootVerified, 'mac');
  assert.equal(device.rollbackProtection, 'not-protected');
  assert.deepEqual(device.refused, measured.refused);
  const [component] = device.components ?? [];
  assert.equal(component?.imageDigest, '1a'.repeat(32));
  assert.deepEqual([component.imageBytes, component.onTrial], [9_007, true]);
});

test('S3-42, S3-45: how long an update interrupted the service is told, and if too long', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  await lamp?.checkIn({ downtimeMs: 5_000, expectedDowntimeMs: 5_000 });
  const { downtimeMs, expectedDowntimeMs } = deviceJson(await deviceIn(world));
  assert.deepEqual([downtimeMs, expectedDowntimeMs], [5_000, 5_000]);
  assert.doesNotMatch(await pageOf(world), /of service/);
  await lamp?.checkIn({ downtimeMs: 5_001, expectedDowntimeMs: 5_000 });
  assert.match(await pageOf(world), /the last update took 5001 ms of service, expected 5000 ms/);
});

test('S4-125: the page says which slot was not started, in words that can do nothing there', async () => {
  const world = await createWorld();
  const [lamp] = await world.lamps(1);
  await lamp?.checkIn({ refused: [{ slot: 0, because: 'expected <its> digest, found another' }] });
  assert.match(await pageOf(world), /slot 0 was not started: expected &lt;its&gt; digest, found another/);
});

/** A lamp that says what it measured of the release with sequence number 2. */
async function measuring(changes: Parameters<typeof createWorld>[0], envelope = signedRelease(2)) {
  const world = await createWorld({ authors, ...changes });
  world.releases.set(String(envelope.digest), envelope);
  const [lamp] = await world.lamps(1);
  const told = { component, sequenceNumber: 2, manifestDigest: envelope.digest };
  const suspicionOn = async (found: Uint8Array | undefined): Promise<string | undefined> => {
    await lamp?.checkIn({
      components: [{ ...told, ...(found === undefined ? {} : { imageDigest: found }) }],
    });
    return deviceJson(await deviceIn(world)).suspicion;
  };
  return { world, suspicionOn };
}

const another = new Uint8Array(32).fill(0xee);

test("S4-126: a measured image that is not its manifest's is told, and audited once", async () => {
  const { world, suspicionOn } = await measuring({});
  assert.equal(await suspicionOn(imageDigest), undefined);
  const named = `${hex(imageDigest).slice(0, 16)}…`;
  const expected = `component 00: expected image ${named}, measured ${'e'.repeat(16)}…`;
  assert.equal(await suspicionOn(another), expected);
  assert.equal(await suspicionOn(another), expected);
  assert.ok((await pageOf(world)).includes(expected));
  const told = (await world.store.audit(10)).filter(({ act }) => act === 'image contradicts manifest');
  assert.deepEqual(
    told.map(({ subject, detail }) => `${subject}: ${detail}`),
    [`lamp-0: ${expected}`],
  );
  assert.equal(await suspicionOn(imageDigest), undefined);
});

test('S4-126: nobody is suspected where the tracker knows no manifest that it may believe', async () => {
  const strangers = [{ key: testKey('somebody').public }];
  const { envelope: _, ...unseen } = signedRelease(2);
  for (const [changes, release] of [
    [{ authors: [] }, undefined],
    [{ authors: strangers }, undefined],
    [{}, unseen],
    [{}, { ...signedRelease(2), digest: digestFor(9) }],
    [{}, signedRelease(2, true)],
  ] as const) {
    const { suspicionOn } = await measuring(changes, release);
    assert.equal(await suspicionOn(another), undefined);
  }
  const { suspicionOn } = await measuring({});
  assert.equal(await suspicionOn(undefined), undefined, 'a device that measures nothing');
});
