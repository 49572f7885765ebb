/** To which of several firmware servers devices are sent. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Handler } from '@lapel/transport';
import { TransportError, emptyBody } from '@lapel/transport';
import { createFirmwareServers } from '../src/server/firmware-servers.ts';
import { testClock } from './world.ts';

const path = '/manifests/ab12';
const all = { url: 'https://cdn.example/', near: {} };
const other = { url: 'https://other.example', near: {} };
const berlin = { url: 'https://berlin.example', near: { site: 'berlin' } };
const hall = { url: 'https://hall.example', near: { site: 'berlin', hall: '7' } };

/** Servers of which some are down, and devices that are tagged. */
function scene(servers: readonly (typeof all | typeof berlin | typeof hall)[]) {
  const clock = testClock();
  const down = new Set<string>();
  let asked = 0;
  const reach =
    (url: string): Handler =>
    async () => {
      asked++;
      if (down.has(url)) throw new TransportError('unreachable', 'it is down');
      return { status: 'ok', body: emptyBody };
    };
  const tags: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    b: { site: 'berlin' },
    h: { site: 'berlin', hall: '7' },
  };
  const speaker = (id: string) => ({ id, ...(tags[id] === undefined ? {} : { tags: tags[id] }) });
  const store = {
    speakers: async (ids: readonly unknown[]) => ids.map((id) => speaker(String(id)) as never),
  };
  const chosen = createFirmwareServers({ servers, reach, store, clock });
  const placesOf = async (...devices: readonly string[]) =>
    Object.fromEntries(await chosen.placesOf(path, devices));
  return { clock, down, placesOf, asked: () => asked };
}

test('S2-13: a device is sent to the server that is nearest to it, and has the manifest', async () => {
  const { placesOf, down, clock, asked } = scene([all, berlin, hall]);
  const wholly = {
    a: `https://cdn.example${path}`,
    b: `https://berlin.example${path}`,
    h: `https://hall.example${path}`,
  };
  assert.deepEqual(await placesOf('a', 'b', 'h'), wholly);
  down.add(hall.url);
  assert.deepEqual(await placesOf('a', 'b', 'h'), wholly, 'it is not asked for every offer');
  assert.equal(asked(), 3);
  clock.pass(30_001);
  assert.deepEqual(await placesOf('a', 'b', 'h'), { ...wholly, h: wholly.b }, 'the next best takes over');
  for (const each of [all, berlin]) down.add(each.url);
  clock.pass(30_001);
  assert.deepEqual(await placesOf('a', 'b', 'h'), {}, "the tracker's own is left");
});

test('S2-13: servers that are equally near share the devices, and none moves without need', async () => {
  const { placesOf, down, clock } = scene([all, other, berlin]);
  const devices = Array.from({ length: 200 }, (_, place) => `lamp-${place}`);
  const before = await placesOf(...devices);
  const atOther = devices.filter((device) => before[device] === other.url + path);
  assert.ok(atOther.length > 70 && atOther.length < 130, `${atOther.length} of 200`);
  down.add(all.url);
  clock.pass(30_001);
  const after = await placesOf(...devices);
  assert.ok(devices.every((device) => after[device] === other.url + path));
  assert.ok(atOther.every((device) => before[device] === after[device]));
});
