/** A URI that somebody else has written cannot send a gateway where its operator does not want it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Gateway } from '@lapel/gateway';
import { createGuard } from '@lapel/gateway';
import type { Handler } from '@lapel/transport';
import { TransportError, collect, discard, emptyBody, httpClient, request } from '@lapel/transport';
import { coapClient, serveCoap } from '@lapel/transport/coap';
import { afterwards, fetchAll, gatewayBefore, imageOf, originIn, serving, unexpected } from './world.ts';

const here = '127.0.0.1/32';
const nowhere = 'http://127.0.0.1:9';
const never = async (): Promise<never> => {
  throw new Error('expected nobody to look a name up, found somebody');
};

async function hosts(addresses: readonly string[], allowed: readonly string[] = []): Promise<string[]> {
  const passed = [];
  for (const address of addresses) {
    const guard = createGuard({ allowed, resolver: async () => [address] });
    try {
      guard.requireHost(address);
      await guard.addressOf('name.example');
      passed.push(address);
    } catch (error) {
      assert.ok(error instanceof TransportError && error.kind === 'refused', String(error));
    }
  }
  return passed;
}

const special = [
  ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '224.0.0.251', '255.255.255.255', '192.0.0.192'],
  ...['::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::fd', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe'],
  ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::', '::127.0.0.1', 'fec0::1'],
];

test('S4-24: an address that is not public is refused, as itself and behind a name', async () => {
  assert.deepEqual(await hosts(special), []);
  const open = ['93.184.216.34', '8.8.8.8', '172.32.0.1', '2606:2800:220:1::1', '100.128.0.1'];
  assert.deepEqual(await hosts(open), open);
});

test('S4-24: an operator allows networks, and no more than those', async () => {
  const allowed = ['10.1.0.0/16', 'fd00:1::/32'];
  assert.deepEqual(
    await hosts(['10.1.2.3', '10.2.0.1', 'fd00:1::5', 'fd00:2::5', '::ffff:10.2.0.1', '127.0.0.1'], allowed),
    ['10.1.2.3', 'fd00:1::5'],
  );
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', 'x/8', '10.0.0.0/', '/8'])
    assert.throws(() => createGuard({ allowed: [wrong] }), /expected a network/);
});

test('S4-24: a name with one address that is allowed and one that is not is refused', async () => {
  const guard = createGuard({ allowed: [], resolver: async () => ['93.184.216.34', '127.0.0.1'] });
  await assert.rejects(guard.addressOf('two.example'), { kind: 'refused' });
});

test('S4-24: the address that was judged is the one connected to, whatever comes next', async (context) => {
  const target = await serving(context, async () => ({ status: 'ok', body: emptyBody }));
  const answers = ['127.0.0.1', '169.254.169.254'];
  const asked: string[] = [];
  const guard = createGuard({
    allowed: [here],
    resolver: async (name) => {
      asked.push(name);
      return [answers.shift() ?? '169.254.169.254'];
    },
  });
  const { url } = await gatewayBefore(context, [nowhere], { proxy: guard });
  const uri = `http://rebind.example:${target.port}/fw.bin`;
  const read = async () => (await httpClient(url)(request('GET', '/hc', { query: uriOf(uri) }))).status;
  assert.equal(await read(), 'ok');
  assert.deepEqual(asked, ['rebind.example']);
  // The connection that is kept leads where it led; a new one is judged anew.
  assert.equal(await read(), 'ok');
  const again = `http://other.example:${target.port}/fw.bin`;
  assert.equal((await httpClient(url)(request('GET', '/hc', { query: uriOf(again) }))).status, 'forbidden');
});

const uriOf = (uri: string) => new Map([['target_uri', uri]]);

test('S4-24: a URI that must not be followed is refused, and nobody is asked', async (context) => {
  const heard: string[] = [];
  const inside = await serving(context, async ({ path }) => {
    heard.push(path);
    return { status: 'ok', body: emptyBody };
  });
  const guard = createGuard({ allowed: [], resolver: never });
  const { url } = await gatewayBefore(context, [nowhere], { proxy: guard });
  const { port } = inside;
  for (const [uri, status] of [
    ['file:///etc/passwd', 'bad-request'],
    ['file://example.com/etc/passwd', 'forbidden'],
    ['ftp://example.com/x', 'forbidden'],
    ['data:text/plain,x', 'bad-request'],
    [`http://127.0.0.1:${port}/`, 'forbidden'],
    [`http://2130706433:${port}/`, 'forbidden'],
    [`http://0x7f.1:${port}/`, 'forbidden'],
    [`http://[::ffff:127.0.0.1]:${port}/`, 'forbidden'],
    [`http://[::1]:${port}/`, 'forbidden'],
    ['http://169.254.169.254/latest/meta-data', 'forbidden'],
    ['coap://10.0.0.1/', 'forbidden'],
    [`http://user@127.0.0.1:${port}/`, 'bad-request'],
    ['../payloads/x', 'bad-request'],
    ['', 'bad-request'],
    [`http://example.com/${'x'.repeat(3000)}`, 'bad-request'],
  ] as const) {
    const response = await httpClient(url)(request('GET', '/hc', { query: uriOf(uri) }));
    assert.equal(response.status, status, uri);
  }
  assert.deepEqual(heard, []);
});

test('S4-24: without an operator’s word no way leads through a gateway', async (context) => {
  const { url } = await gatewayBefore(context, [nowhere]);
  const response = await httpClient(url)(request('GET', '/hc', { query: uriOf('http://example.com/') }));
  assert.equal(response.status, 'not-found');
});

test('S4-21: a device reads a CoAP server through a gateway that speaks HTTP to it', async (context) => {
  const server = await serveCoap(
    async ({ path, query }) => {
      const text = new TextEncoder().encode(`${path} ${query.get('v') ?? ''}`);
      return {
        status: 'ok',
        size: text.length,
        body: (async function* () {
          yield text;
        })(),
      };
    },
    { port: 0, onBug: unexpected },
  );
  afterwards(context, () => server.close());
  const guard = createGuard({ allowed: [here], resolver: async () => ['127.0.0.1'] });
  const { url } = await gatewayBefore(context, [nowhere], { proxy: guard });
  const uri = `coap://vendor.example:${server.port}/fw/a.bin?v=2`;
  const response = await httpClient(url)(request('GET', '/hc', { query: uriOf(uri) }));
  assert.equal(new TextDecoder().decode(await collect(response.body, 100)), '/fw/a.bin 2');
});

test('RFC 7252 §5.7.2, S4-24: by Proxy-Uri a device reads elsewhere, and it is kept', async (t) => {
  const origin = await originIn(t);
  const image = imageOf(5000, 7);
  const name = await origin.put(image);
  const guard = createGuard({ allowed: [here], resolver: async () => ['127.0.0.1'] });
  const { gateway, url } = await gatewayBefore(t, [nowhere], { proxy: guard });
  const there = await through(t, gateway, `http://vendor.example:${new URL(origin.url).port}`);
  for (let round = 0; round < 2; round++) {
    const response = await there(request('GET', `/payloads/${name}`));
    assert.deepEqual(await collect(response.body, 10_000), image);
  }
  // Over HTTP, and at the gateway itself, it is the same content: the origin has been asked once.
  const mapped = uriOf(`http://vendor.example:${new URL(origin.url).port}/payloads/${name}`);
  const asMapped = await httpClient(url)(request('GET', '/hc', { query: mapped }));
  assert.deepEqual(await collect(asMapped.body, 10_000), image);
  assert.deepEqual(await fetchAll(url, `/payloads/${name}`), image);
  assert.deepEqual(origin.asked, [`GET /payloads/${name}`]);
  // Nothing is written elsewhere through it.
  const written = await there(request('POST', '/reports'));
  assert.equal(written.status, 'method-not-allowed');
  await discard(written.body);
});

test('S4-24: by Proxy-Uri nobody gets where he may not by HTTP', async (t) => {
  const heard: string[] = [];
  const inside = await serving(t, async ({ path }) => {
    heard.push(path);
    return { status: 'ok', body: emptyBody };
  });
  const guard = createGuard({ allowed: [], resolver: async () => ['127.0.0.1'] });
  const { gateway } = await gatewayBefore(t, [nowhere], { proxy: guard });
  const { port } = new URL(inside.url);
  for (const [origin, status] of [
    // 5.05: no way leads there.
    [`http://127.0.0.1:${port}`, 'internal-error'],
    [`http://0x7f.1:${port}`, 'internal-error'],
    ['http://169.254.169.254', 'internal-error'],
    ['coap://[::1]', 'internal-error'],
    // A name is judged where it is looked up.
    [`http://rebind.example:${port}`, 'forbidden'],
  ] as const) {
    const client = await through(t, gateway, origin);
    const response = await client(request('GET', '/latest/meta-data'));
    assert.equal(response.status, status, origin);
    await discard(response.body);
  }
  assert.deepEqual(heard, []);
});

async function through(context: TestContext, { handler, proxy }: Gateway, origin: string): Promise<Handler> {
  assert.ok(proxy);
  const server = await serveCoap(handler, { port: 0, onBug: unexpected, proxy });
  afterwards(context, () => server.close());
  const client = coapClient(server.url, { origin });
  afterwards(context, () => client.close());
  return client;
}
