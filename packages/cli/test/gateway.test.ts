/** A device that updates through gateways, honest and others, before a real server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { class1, nearest } from '@lapel/device';
import { findPlaces, linksInDirectory } from '@lapel/gateway';
import type { Body, Handler, HttpServer } from '@lapel/transport';
import { discard, emptyBody, httpClient, serveHttp, systemClock } from '@lapel/transport';
import type { OpenGatewayOptions } from '../src/gateway/open-gateway.ts';
import { openGatewayHouse } from '../src/gateway/open-gateway.ts';
import { lampIn } from './house-device.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage, openHouseWorld, signedCampaign } from './house-world.ts';
import { onlyBugs } from './only-bugs.ts';

const updated = [
  'manifest-validated',
  'fetching',
  'image-verified',
  'staged',
  'restarting',
  'confirmed',
  'reported',
];

async function worldIn(context: TestContext): Promise<HouseWorld> {
  const world = await openHouseWorld();
  context.after(() => world.close());
  return world;
}

async function startCampaign(world: HouseWorld): Promise<void> {
  const manifest = await world.release(await lampImage('1.1.0'), 2);
  const signed = signedCampaign(world.campaign(manifest), world.operator);
  const started = await world.send('POST', '/campaigns', signed);
  assert.equal(started.status, 'created');
  await discard(started.body);
}

const gatewayBefore = (
  world: HouseWorld,
  name: string,
  upstreams: readonly string[],
  further: Partial<OpenGatewayOptions> = {},
) =>
  openGatewayHouse({
    folder: join(world.folder, name),
    upstreams,
    port: 0,
    cacheBytes: 10_000_000,
    upstreamTls: {},
    registering: undefined,
    log: onlyBugs(
      (error) => {
        throw error;
      },
      () => undefined,
    ),
    ...further,
  });

test('S1-B: a gateway that is told no address of its own is seen by a directory', async (context) => {
  const world = await worldIn(context);
  const directory = await gatewayBefore(world, 'regional', [world.house.url], { coapPort: 0 });
  const [coap = ''] = directory.coap;
  const registering = { directories: [coap], base: undefined };
  const gateway = await gatewayBefore(world, 'gateway', [directory.url], { coapPort: 0, registering });
  try {
    const finder = linksInDirectory(directory.url, httpClient(directory.url));
    const find = () =>
      findPlaces({
        finders: [finder],
        clock: systemClock,
        waitMs: 1000,
        signal: new AbortController().signal,
      });
    for (let tries = 0; (await find()).length === 0; tries++) {
      assert.ok(tries < 100);
      await systemClock.sleep(20);
    }
    assert.deepEqual(await find(), gateway.coap.slice(0, 1));
  } finally {
    await gateway.close();
    await directory.close();
  }
});

test('S4-21: origin, regional, gateway, device: it registers, updates and reports', async (context) => {
  const world = await worldIn(context);
  const regional = await gatewayBefore(world, 'regional', [world.house.url]);
  const gateway = await gatewayBefore(world, 'gateway', [regional.url]);
  try {
    await startCampaign(world);
    const lamp = await lampIn(world, systemClock, roadTo(gateway.url));
    await lamp.liveUntil('reported');
    assert.deepEqual(
      lamp.steps.map(([step]) => step),
      updated,
    );
    for (const hop of [gateway, regional]) assert.equal(hop.standing().cache.transfers, 2);
  } finally {
    await gateway.close();
    await regional.close();
  }
});

test('S4-21: regional loses power amid the payload and forgets nothing; it is delivered', async (context) => {
  const world = await worldIn(context);
  await startCampaign(world);
  let regional = await gatewayBefore(world, 'regional', [world.house.url]);
  // The line to it is cut within the payload, and it is started anew on its folder, elsewhere.
  let cuts = 0;
  const hop = await serving(context, async (request) => {
    const response = await httpClient(regional.url)(request);
    if (cuts > 0 || !request.path.startsWith('/payloads/')) return response;
    cuts += 1;
    await regional.close();
    regional = await gatewayBefore(world, 'regional', [world.house.url]);
    return { ...response, body: cutIn(response.body) };
  });
  const gateway = await gatewayBefore(world, 'gateway', [hop.url]);
  try {
    const lamp = await lampIn(world, systemClock, roadTo(gateway.url));
    await lamp.liveUntil('reported');
    assert.equal(lamp.steps.at(-2)?.[0], 'confirmed');
    assert.equal(cuts, 1);
  } finally {
    await gateway.close();
    await regional.close();
  }
});

const badCaches: Readonly<Record<string, (origin: Handler) => Handler>> = {
  'lacks it': () => async () => ({ status: 'not-found', body: emptyBody }),
  'lies of payloads': lyingOf('/payloads/'),
  'lies of manifests': lyingOf('/manifests/'),
};

for (const [what, cache] of Object.entries(badCaches))
  test(`S1-10, S4-83: a cache that ${what} costs one retry, never another image`, async (context) => {
    const world = await worldIn(context);
    await startCampaign(world);
    const asked: string[] = [];
    const origin = httpClient(world.house.url);
    const near = await serving(context, (request) => {
      asked.push(request.path.split('/', 2)[1] ?? '');
      return cache(origin)(request);
    });
    const lamp = await lampIn(world, systemClock, () => ({
      upstream: origin,
      origin: world.house.url,
      around: (link) =>
        nearest({
          network: (to, from) => (to === near.url ? httpClient(near.url) : link(to, from)),
          caches: () => [near.url],
          clock: systemClock,
          limits: class1().limits,
        }),
    }));
    await lamp.liveUntil('reported');
    assert.deepEqual(lamp.steps.map(([step]) => step).slice(-2), ['confirmed', 'reported']);
    for (const kind of ['payloads', 'manifests']) {
      assert.ok(asked.filter((each) => each === kind).length <= 1, asked.join());
    }
    assert.ok(asked.length >= 1 && asked.length <= 3, asked.join());
  });

const roadTo = (url: string) => () => ({ upstream: httpClient(url), origin: url });

async function serving(context: TestContext, handler: Handler): Promise<HttpServer> {
  const server = await serveHttp(handler, { port: 0, onBug: () => undefined });
  context.after(() => server.close(0));
  return server;
}

/** The same length, one bit of it another. */
function lyingOf(prefix: string): (origin: Handler) => Handler {
  return (origin) => async (request) => {
    const response = await origin(request);
    return request.path.startsWith(prefix) ? { ...response, body: flipped(response.body) } : response;
  };
}

async function* flipped(body: Body): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body) {
    const copy = new Uint8Array(chunk);
    const last = copy.length - 1;
    copy[last] = (copy[last] ?? 0) ^ 1;
    yield copy;
  }
}

async function* cutIn(body: Body): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body) {
    yield chunk.subarray(0, chunk.length / 2);
    throw new Error('cut');
  }
}
