/** How a gateway is found: by links, in a directory, by DNS-SD; and what a lie among them can do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finder } from '@lapel/gateway';
import {
  announce,
  announcedByDnsSd,
  findPlaces,
  keepRegistered,
  linksAt,
  linksInDirectory,
  linksOfGroup,
} from '@lapel/gateway';
import type { Clock, Handler, Method, Response } from '@lapel/transport';
import { bytesBody, collect, httpClient, request, systemClock, systemRandom } from '@lapel/transport';
import { coapClient, groupClient, serveCoap, udpGroup, udpGroupSender } from '@lapel/transport/coap';
import { blockServer, provingAddress, serveGroup } from '@lapel/transport/coap';
import { afterwards, gatewayBefore, unexpected } from './world.ts';

const nowhere = 'http://127.0.0.1:9';
const never = new AbortController().signal;
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };

const find = (finders: readonly Finder[], waitMs = 500) =>
  findPlaces({ finders, clock: systemClock, waitMs, signal: never });

const bodyOf = (text: string) => bytesBody(new TextEncoder().encode(text));

const of = (...places: readonly string[]): Finder =>
  async function* () {
    yield* places;
  };

async function ask(handler: Handler, method: Method, path: string, query = '', links?: string) {
  const body = links === undefined ? {} : { body: bodyOf(links) };
  const asked = { query: new Map(new URLSearchParams(query)), ...body };
  const response = await handler(request(method, path, asked));
  return {
    status: response.status,
    location: response.headers?.['location'] ?? '',
    text: new TextDecoder().decode(await collect(response.body, 10_000)),
  };
}

test('S1-10, S1-B: a gateway says of itself at /.well-known/core what it is', async (context) => {
  const { url, gateway } = await gatewayBefore(context, [nowhere]);
  assert.deepEqual(await find([linksAt(url, httpClient(url))]), [url]);
  const coap = await serveCoap(gateway.handler, { port: 0, onBug: unexpected });
  afterwards(context, () => coap.close());
  const client = coapClient(coap.url);
  afterwards(context, () => client.close());
  assert.deepEqual(await find([linksAt(coap.url, client)]), [coap.url]);
  const { text } = await ask(client, 'GET', '/.well-known/core', 'rt=core.rd*');
  assert.match(text, /^<\/rd>;rt="core\.rd",<\/rd-lookup\/res>;rt="core\.rd-lookup-res",/);
});

test('S1-B: a directory registers, renews, forgets, and is looked up', async (context) => {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const { gateway } = await gatewayBefore(context, [nowhere], { clock });
  const { handler } = gateway;
  const links = '</>;rt="lapel.cache",</temp>;rt=temperature';
  const made = await ask(handler, 'POST', '/rd', 'ep=cellar&lt=120&base=coap://192.0.2.7', links);
  assert.equal(made.status, 'created');
  const found = async (query = '') => (await ask(handler, 'GET', '/rd-lookup/res', query)).text;
  assert.equal(await found('rt=lapel.cache'), '<coap://192.0.2.7/>;rt="lapel.cache"');
  assert.equal(await found('ep=attic'), '');
  assert.equal(await found('count=1&page=1'), '<coap://192.0.2.7/temp>;rt="temperature"');
  const endpoints = await ask(handler, 'GET', '/rd-lookup/ep', 'ep=cellar');
  assert.equal(endpoints.text, `<${made.location}>;ep="cellar";base="coap://192.0.2.7";rt="core.rd-ep"`);
  // The same name takes its own place; another one does not.
  const again = await ask(handler, 'POST', '/rd', 'ep=cellar&lt=120&base=coap://192.0.2.8', links);
  assert.equal(again.location, made.location);
  nowMs = 119_000;
  assert.equal((await ask(handler, 'POST', made.location)).status, 'changed');
  nowMs = 238_000;
  assert.match(await found(), /192\.0\.2\.8/);
  nowMs = 239_001;
  assert.equal(await found(), '');
  assert.equal((await ask(handler, 'POST', made.location)).status, 'not-found');
});

test('S1-B: a directory refuses what is no registration, and is bounded', async (context) => {
  const { handler } = (await gatewayBefore(context, [nowhere])).gateway;
  for (const [query, links] of [
    ['base=coap://192.0.2.7', '</>'],
    ['ep=a', '</>'],
    [`ep=${'a'.repeat(64)}&base=coap://192.0.2.7`, '</>'],
    ['ep=a b&base=coap://192.0.2.7', '</>'],
    ['ep=a&base=file:///etc', '</>'],
    ['ep=a&base=x', '</>'],
    ['ep=a&base=coap://192.0.2.7&lt=1', '</>'],
    ['ep=a&base=coap://192.0.2.7', 'no links'],
  ]) {
    assert.equal((await ask(handler, 'POST', '/rd', query, links)).status, 'bad-request', query);
  }
  const long = `</${'a'.repeat(5000)}>`;
  assert.equal((await ask(handler, 'POST', '/rd', 'ep=a&base=coap://192.0.2.7', long)).status, 'too-large');
  const fill = (name: number) => ask(handler, 'POST', '/rd', `ep=${name}&base=coap://192.0.2.7`, '</>');
  for (let name = 0; name < 1000; name++) assert.equal((await fill(name)).status, 'created');
  assert.equal((await fill(1000)).status, 'storage-full');
  assert.equal((await fill(7)).status, 'created');
});

test('S1-B: a gateway keeps itself in a directory, and takes itself out of it', async (context) => {
  const { url, gateway } = await gatewayBefore(context, [nowhere]);
  const over = new AbortController();
  const base = 'coap://192.0.2.9';
  const keeping = keepRegistered(
    { directory: httpClient(url), endpoint: 'attic', base, clock: hasty, onNotice: unexpected },
    over.signal,
  );
  const inDirectory = linksInDirectory(url, httpClient(url));
  for (let tries = 0; (await find([inDirectory])).length === 0; tries++) assert.ok(tries < 100);
  assert.deepEqual(await find([inDirectory]), [base]);
  over.abort();
  await keeping;
  assert.equal((await ask(gateway.handler, 'GET', '/rd-lookup/res')).text, '');
});

test('S1-B, RFC 9176 §5.1: who asks simply is asked for links where it is, and only there', async (t) => {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const { gateway } = await gatewayBefore(t, [nowhere], { clock });
  const directory = await serveCoap(gateway.handler, { port: 0, onBug: unexpected });
  afterwards(t, () => directory.close());
  const asked: string[] = [];
  const links = async ({ path, query }: { path: string; query: ReadonlyMap<string, string> }) => {
    asked.push(`${path}?${[...query].join('&')}`);
    return { status: 'ok' as const, body: bodyOf('</>;rt="lapel.cache"') };
  };
  const simple = await serveCoap(links, { port: 0, onBug: unexpected });
  afterwards(t, () => simple.close());
  const post = (query: string) =>
    ask(simple.client(directory.url), 'POST', '/.well-known/rd', `ep=shed&${query}`);
  assert.equal((await post('lt=120&base=coap://192.0.2.7')).status, 'bad-request');
  assert.equal((await post('lt=1')).status, 'bad-request');
  assert.equal(asked.length, 0);
  assert.deepEqual(await post('lt=120'), { status: 'changed', location: '', text: '' });
  const found = async () => (await ask(gateway.handler, 'GET', '/rd-lookup/res', 'ep=shed')).text;
  for (let tries = 0; (await found()) === ''; tries++) {
    assert.ok(tries < 100);
    await systemClock.sleep(20);
  }
  assert.equal(await found(), `<${simple.url}/>;rt="lapel.cache"`);
  assert.deepEqual(asked, ['/.well-known/core?']);
  nowMs = 121_000;
  assert.equal(await found(), '');
  // Over HTTP nobody is seen to be where it can be asked.
  assert.equal((await ask(gateway.handler, 'POST', '/.well-known/rd', 'ep=shed')).status, 'unauthorized');
  const regular = await ask(simple.client(directory.url), 'POST', '/rd', 'ep=shed', '</x>');
  assert.equal(regular.status, 'created');
  assert.equal(await found(), `<${simple.url}/x>`);
});

test('S1-B, RFC 9176 §5.1: an address that is not proven makes the directory ask nobody', async (t) => {
  const { gateway } = await gatewayBefore(t, [nowhere]);
  const heard: string[] = [];
  const spoofed = (asked: Parameters<Handler>[0]) => {
    heard.push(`${asked.path} ${asked.sender === undefined ? 'unproven' : 'proven'}`);
    return gateway.handler(asked);
  };
  const directory = await serveCoap(spoofed, { port: 0, onBug: unexpected });
  afterwards(t, () => directory.close());
  const client = coapClient(directory.url);
  afterwards(t, () => client.close());
  // Long enough that its answer may be as long as a refusal; the proof comes with the second one.
  const answer = await ask(client, 'POST', '/.well-known/rd', `ep=${'a'.repeat(60)}`);
  assert.equal(answer.status, 'changed');
  assert.deepEqual(heard, ['/.well-known/rd unproven', '/.well-known/rd proven']);
});

test('S1-B, RFC 9176 §5.3.1: an entry is renewed in its place, or made anew where forgotten', async (t) => {
  const { gateway } = await gatewayBefore(t, [nowhere]);
  const asked: string[] = [];
  const directory: Handler = async (each) => {
    asked.push(`${each.method} ${each.path}`);
    return gateway.handler(each);
  };
  const turns: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        turns.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  };
  const over = new AbortController();
  const base = 'coap://192.0.2.9';
  const keeping = keepRegistered(
    { directory, endpoint: 'attic', base, clock, onNotice: unexpected },
    over.signal,
  );
  const turn = async (count: number) => {
    while (turns.length < count) await systemClock.sleep(5);
    return asked.splice(0);
  };
  assert.deepEqual(await turn(1), ['GET /.well-known/core', 'POST /rd']);
  const [, place = ''] =
    /<(?<place>[^>]+)>/.exec((await ask(gateway.handler, 'GET', '/rd-lookup/ep')).text) ?? [];
  turns[0]?.();
  assert.deepEqual(await turn(2), [`POST ${place}`]);
  await ask(gateway.handler, 'DELETE', place);
  turns[1]?.();
  assert.deepEqual(await turn(3), [`POST ${place}`, 'GET /.well-known/core', 'POST /rd']);
  over.abort();
  await keeping;
  assert.equal((await ask(gateway.handler, 'GET', '/rd-lookup/ep')).text, '');
});

test('S1-10: places come in the stated order; who floods, hangs or lies keeps nobody away', async () => {
  const flood: Finder = async function* () {
    for (let number = 0; ; number++) yield `http://192.0.2.1:${number}`;
  };
  const hanging: Finder = async function* (signal) {
    yield 'http://hangs.example';
    await systemClock.sleep(60_000, signal);
  };
  const text = async (links: string): Promise<Response> => ({ status: 'ok', body: bodyOf(links) });
  const broken = linksAt('http://a.example', async () => text('<<<'));
  const elsewhere = linksAt('http://a.example', async () =>
    text(
      '<file:///etc/passwd>;rt=lapel.cache,<javascript:x>;rt=lapel.cache,<//b.example/x>;rt="x lapel.cache"',
    ),
  );
  const led = linksInDirectory('http://rd.example', async () =>
    text('<http://169.254.169.254/latest>;rt=core.rd-lookup-res'),
  );
  const found = await find([of('http://one'), flood, broken, hanging, led, elsewhere, of('http://one')], 200);
  assert.equal(found.length, 1 + 8 + 1 + 1);
  assert.deepEqual(
    [found[0], found[9], found[10]],
    ['http://one', 'http://hangs.example', 'http://b.example'],
  );
});

test('S1-B: with nothing configured, a group is asked, and gateways answer', async (context) => {
  const { gateway } = await gatewayBefore(context, [nowhere]);
  const common = { clock: hasty, random: systemRandom, onBug: unexpected };
  const group = { address: '224.0.1.187', port: 0, networks: ['127.0.0.1'], leisureMs: 50 };
  const heard = await udpGroup(group);
  const respond = provingAddress(blockServer(gateway.handler, { ...common, limits: {} }), common);
  const serving = serveGroup({ ...common, ...group, datagrams: heard, respond });
  afterwards(context, () => serving.close());
  const client = groupClient({ ...common, clock: systemClock, datagrams: await udpGroupSender(group) });
  afterwards(context, () => client.close());
  const found = await find([linksOfGroup(client, `${group.address}:${heard.port}`)], 1500);
  assert.equal(found.length, 1);
  assert.match(found[0] ?? '', /^coap:\/\/127\.0\.0\.1:\d+$/);
});

test('S1-10, S1-B: a gateway announces itself by DNS-SD, and is found by its address', async (context) => {
  const options = { interface: '127.0.0.1', port: 53_530, onError: unexpected };
  const announced = await announce([{ name: 'attic', port: 8081, scheme: 'https' }], options);
  afterwards(context, () => announced.close());
  const found = await find([announcedByDnsSd(options)], 1500);
  assert.ok(found.length > 0);
  for (const place of found) assert.match(place, /^https:\/\/(?:[\d.]+|\[[0-9a-f:]+\]):8081$/);
});
