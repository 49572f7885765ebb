/** A device that asks for blocks in sets, over a link that loses; and from a server that knows no sets. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { httpClient, systemClock, systemRandom } from '@lapel/transport';
import type { Datagrams } from '@lapel/transport/coap';
import { blockServer, createEndpoint, decodeMessage, optionTable } from '@lapel/transport/coap';
import { roadsTo } from '../../src/device/roads.ts';
import type { Lamp } from '../house-device.ts';
import { lampIn } from '../house-device.ts';
import type { HouseWorld } from '../house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from '../house-world.ts';

const onBug = assert.ifError;
const here = '127.0.0.1';

async function boundSocket(t: TestContext): Promise<Socket> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, here);
  await once(socket, 'listening');
  return socket;
}

/** Stands between, hears which blocks are asked for in sets, and loses what it is told to of a server's. */
async function relayTo(port: number, t: TestContext, isLost: (bytes: Uint8Array) => boolean) {
  const asked: (readonly number[])[] = [];
  const front = await boundSocket(t);
  const backs = new Map<number, Socket>();
  front.on('message', (bytes, client) => {
    const sets = decodeMessage(bytes).options.filter(({ number }) => number === optionTable.qBlock2.number);
    if (sets.length > 0) asked.push(sets.map(({ value }) => value.reduce((a, b) => a * 256 + b, 0) >>> 4));
    void backTo(client.port).then((back) => back.send(bytes, port, here));
  });

  async function backTo(client: number): Promise<Socket> {
    const known = backs.get(client);
    if (known !== undefined) return known;
    const back = await boundSocket(t);
    back.on('message', (bytes) => {
      if (!isLost(bytes)) front.send(bytes, client, here);
    });
    backs.set(client, back);
    return back;
  }

  return { origin: `coap://${here}:${front.address().port}`, asked };
}

/** A lamp that knows its servers there is offered a second firmware, and has it. */
async function update(world: HouseWorld, origin: string, waiting: { readonly waitMs?: number }) {
  const upstream = roadsTo({ tls: {}, clock: systemClock, quick: true })(origin);
  assert.ok(upstream);
  const lamp = await lampIn(world, systemClock, () => ({ upstream, origin, ...waiting }));
  const living = lamp.liveUntil('reported');
  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const signed = signedCampaign(world.campaign(manifest), world.operator);
  const started = await world.send('POST', '/campaigns', signed);
  assert.equal(started.status, 'created');
  await living;
  assert.equal(toldBy(lamp), wholeUpdate);
}

const wholeUpdate = 'manifest-validated fetching image-verified staged restarting confirmed reported';
const toldBy = ({ steps }: Lamp): string => steps.map(([step]) => step).join(' ');

async function houseIn(t: TestContext, coap: { readonly coapPort?: number }): Promise<HouseWorld> {
  const world = await openHouseWorld(undefined, coap);
  t.after(() => world.close());
  return world;
}

test('S0-03, RFC 9177 §4.4: a device asks again for the blocks of a set that were lost', async (t) => {
  const world = await houseIn(t, { coapPort: 0 });
  let large = 0;
  const { origin, asked } = await relayTo(Number(new URL(world.house.coap[0] ?? '').port), t, (bytes) => {
    large += bytes.length > 1024 ? 1 : 0;
    return bytes.length > 1024 && (large === 3 || large === 5);
  });
  await update(world, origin, { waitMs: 60_000 });
  assert.ok(
    asked.some((blocks) => String(blocks) === '2,4'),
    JSON.stringify(asked),
  );
});

test('RFC 9177 §4.1: from a server that knows no sets, a device has its update block by block', async (t) => {
  const world = await houseIn(t, {});
  const socket = await boundSocket(t);
  const datagrams: Datagrams = {
    send: (bytes, to) => socket.send(bytes, Number(to), here),
    listen: (onDatagram) =>
      void socket.on('message', (bytes, { port }) => onDatagram(new Uint8Array(bytes), String(port))),
    close: async () => undefined,
  };
  const common = { clock: systemClock, random: systemRandom, onBug };
  const respond = blockServer(httpClient(world.house.url), common);
  const endpoint = createEndpoint({ ...common, datagrams, respond });
  t.after(() => endpoint.close());
  const { origin, asked } = await relayTo(socket.address().port, t, () => false);
  await update(world, origin, {});
  assert.deepEqual(asked, [[0]], 'it is asked once whether it knows them');
});
