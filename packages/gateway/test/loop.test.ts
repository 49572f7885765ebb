/** Gateways that are each other's upstream: nobody waits for himself, and the work has an end. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Gateway } from '@lapel/gateway';
import type { Handler, Request } from '@lapel/transport';
import { bytesBody, collect, discard, httpClient, request } from '@lapel/transport';
import { coapClient, serveCoap } from '@lapel/transport/coap';
import { afterwards, gatewayBefore, imageOf, originIn, serving, unexpected } from './world.ts';

interface Pair {
  readonly urls: readonly [string, string];
  readonly gateways: readonly [Gateway, Gateway];
  /** Requests that either has heard. */
  readonly heard: string[];
}

const digest = 'ab'.repeat(32);
const paths = [`/payloads/${digest}`, `/manifests/${digest}`, '/latest/aa/bb', '/offers/lamp-1'];

for (const road of ['http', 'coap'] as const) {
  test(`RFC 8586 §2, S4-21: two gateways in a circle over ${road} refuse with a clear code`, async (t) => {
    const { urls, heard } = await pairOf(t, road);
    const ask = clientOf(t, road, urls[0]);
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

test('S4-21: two gateways before one origin go on to it, both asked at once', async (t) => {
  const origin = await originIn(t);
  const image = imageOf(200_000, 3);
  const name = await origin.put(image);
  const { urls, gateways } = await pairOf(t, 'http', [origin.url]);
  const asked = urls.map((url) => httpClient(url)(request('GET', `/payloads/${name}`)));
  for (const response of await Promise.all(asked))
    assert.deepEqual(await collect(response.body, 1_000_000), image);
  assert.ok(origin.asked.length <= 4, origin.asked.join());
  for (const { standing } of gateways) assert.equal(standing().cache.contents, 1);
});

test('S4-21: a report does not go to and fro between two gateways while the origin is away', async (t) => {
  let isAway = true;
  const reports: number[] = [];
  const origin = await serving(t, async ({ body }) => {
    const bytes = await collect(body, 1000);
    if (!isAway) reports.push(bytes.length);
    return { status: isAway ? 'unavailable' : 'changed', size: 0, body: bytesBody(new Uint8Array(0)) };
  });
  const { urls, gateways, heard } = await pairOf(t, 'http', [origin.url]);
  const body = bytesBody(imageOf(100, 1));
  const taken = await httpClient(urls[0])(request('POST', '/reports', { body }));
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

async function pairOf(
  context: TestContext,
  road: 'http' | 'coap',
  behind: readonly string[] = [],
): Promise<Pair> {
  const heard: string[] = [];
  const gateways: Gateway[] = [];
  const at = (index: number) => (asked: Request) => {
    heard.push(`${index} ${asked.method} ${asked.path}`);
    return (gateways[index] ?? assert.fail('expected a gateway, found none')).handler(asked);
  };
  const urls = [await served(context, road, at(0)), await served(context, road, at(1))] as const;
  for (const other of [urls[1], urls[0]]) {
    const upstreams = [
      { name: other, handler: clientOf(context, road, other) },
      ...behind.map((url) => ({ name: url, handler: httpClient(url) })),
    ];
    gateways.push((await gatewayBefore(context, [], { upstreams })).gateway);
  }
  const [first, second] = gateways;
  assert.ok(first && second);
  return { urls, gateways: [first, second], heard };
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
