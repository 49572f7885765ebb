/** Gateways that are each other's upstream: nobody waits for himself, and the work has an end. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Gateway } from '@lapel/gateway';
import type { Handler, Request } from '@lapel/transport';
import { bytesBody, collect, discard, httpClient, request } from '@lapel/transport';
import { coapClient, serveCoap } from '@lapel/transport/coap';
import { afterwards, fetchAll, gatewayBefore, imageOf, originIn, serving, unexpected } from './world.ts';

interface Circle {
  readonly urls: readonly string[];
  readonly gateways: readonly Gateway[];
  /** Requests that any of them has heard. */
  readonly heard: string[];
}

const digest = 'ab'.repeat(32);
const paths = [`/payloads/${digest}`, `/manifests/${digest}`, '/latest/aa/bb', '/offers/lamp-1'];

for (const road of ['http', 'coap'] as const) {
  test(`RFC 8586 §2, S4-21: two gateways in a circle over ${road} refuse with a clear code`, async (t) => {
    const { urls, heard } = await circleOf(t, road);
    const ask = clientOf(t, road, urls[0] ?? '');
    for (const path of paths) {
      const before = heard.length;
      const response = await ask(request('GET', path));
      await discard(response.body);
      assert.equal(response.status, 'loop-detected', path);
      // There, to the other, and back; over CoAP twice at most.
      assert.ok(heard.length - before <= 6, `${path}: ${heard.slice(before).join()}`);
    }
    const report = await ask(request('POST', '/reports', { body: bytesBody(imageOf(100, 1)) }));
    await discard(report.body);
    assert.equal(report.status, 'loop-detected', 'nobody has taken it, and its device keeps it');
  });
}

for (const road of ['http', 'coap'] as const) {
  test(`S4-21: gateways in a circle over ${road}, all asked at once, get it of a third`, async (t) => {
    const origin = await originIn(t);
    for (const [count, length] of [
      [2, 150_000],
      [3, 20_000],
    ] as const) {
      const { urls, gateways } = await circleOf(t, road, count, [origin.url]);
      const image = imageOf(length, count);
      const path = `/payloads/${await origin.put(image)}`;
      const asked = urls.map((url) => clientOf(t, road, url)(request('GET', path)));
      for (const response of await Promise.all(asked))
        assert.deepEqual(await collect(response.body, 1_000_000), image);
      for (const { standing } of gateways) assert.equal(standing().cache.contents, 1);
    }
  });

  test(`S4-21: gateways in a circle over ${road}, all asked at once, say why they have none`, async (t) => {
    const origin = await originIn(t);
    for (const [behind, status] of [
      [[], 'loop-detected'],
      [[origin.url], 'not-found'],
    ] as const) {
      const { urls, heard } = await circleOf(t, road, 2, behind);
      for (const path of paths.slice(0, 2)) {
        const asked = urls.map((url) => clientOf(t, road, url)(request('GET', path)));
        for (const response of await Promise.all(asked)) {
          await discard(response.body);
          assert.equal(response.status, status, path);
        }
      }
      assert.ok(heard.length <= 40, `${heard.length} requests`);
    }
  });
}

test('S4-21: gateways behind one that has an origin behind it share its one transfer', async (t) => {
  const gate = Promise.withResolvers<void>();
  const origin = await originIn(t, (handler) => async (asked) => {
    if (asked.path.startsWith('/payloads/')) await gate.promise;
    return handler(asked);
  });
  const image = imageOf(100_000, 9);
  const path = `/payloads/${await origin.put(image)}`;
  const regional = await gatewayBefore(t, [origin.url]);
  const local = await Promise.all([1, 2, 3].map(() => gatewayBefore(t, [regional.url])));
  const asked = local.map(({ url }) => fetchAll(url, path));
  while (regional.gateway.standing().cache.misses < 3)
    await new Promise((resolve) => setTimeout(resolve, 10));
  gate.resolve();
  for (const each of await Promise.all(asked)) assert.deepEqual(each, image);
  assert.deepEqual(origin.asked.toSorted(), ['GET /.well-known/core', `GET ${path}`]);
});

test('S4-21: a report does not go to and fro between two gateways while the origin is away', async (t) => {
  let isAway = true;
  const reports: number[] = [];
  const origin = await serving(t, async ({ body }) => {
    const bytes = await collect(body, 1000);
    if (!isAway) reports.push(bytes.length);
    return { status: isAway ? 'unavailable' : 'changed', size: 0, body: bytesBody(new Uint8Array(0)) };
  });
  const { urls, gateways, heard } = await circleOf(t, 'http', 2, [origin.url]);
  const body = bytesBody(imageOf(100, 1));
  const taken = await httpClient(urls[0] ?? '')(request('POST', '/reports', { body }));
  assert.equal(taken.status, 'changed');
  const waiting = () => gateways.map(({ standing }) => standing().waiting.reports).reduce((a, b) => a + b);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(heard.length <= 12, `${heard.length} requests within 1.5 s`);
  assert.ok(waiting() >= 1);
  isAway = false;
  for (let tries = 0; waiting() > 0 && tries < 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(waiting(), 0);
  assert.ok(reports.length >= 1);
});

/** Each has the next one upstream, the last the first; and what is behind all of them. */
async function circleOf(
  context: TestContext,
  road: 'http' | 'coap',
  count = 2,
  behind: readonly string[] = [],
): Promise<Circle> {
  const heard: string[] = [];
  const gateways: Gateway[] = [];
  const urls = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      served(context, road, (asked: Request) => {
        heard.push(`${index} ${asked.method} ${asked.path}`);
        return (gateways[index] ?? assert.fail('expected a gateway, found none')).handler(asked);
      }),
    ),
  );
  for (const next of [...urls.slice(1), ...urls.slice(0, 1)]) {
    const upstreams = [
      { name: next, handler: clientOf(context, road, next) },
      ...behind.map((url) => ({ name: url, handler: httpClient(url) })),
    ];
    gateways.push((await gatewayBefore(context, [], { upstreams })).gateway);
  }
  return { urls, gateways, heard };
}

async function served(context: TestContext, road: 'http' | 'coap', handler: Handler): Promise<string> {
  if (road === 'http') return (await serving(context, handler)).url;
  const server = await serveCoap(handler, { port: 0, onBug: unexpected });
  afterwards(context, () => server.close());
  return server.url;
}

function clientOf(context: TestContext, road: 'http' | 'coap', url: string): Handler {
  if (road === 'http') return httpClient(url, { timeoutMs: 5000 });
  const client = coapClient(url);
  afterwards(context, () => client.close());
  return client;
}
