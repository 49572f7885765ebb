/** Blocks in sets (RFC 9177): over links that lose and swap, with servers that know them or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect, discard, request } from '@lapel/transport';
import type { Message } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  createEndpoint,
  decodeMessage,
  echoing,
  messageTypes,
  optionTable,
  oscoreClient,
  oscoreContext,
  oscoreServer,
  provingAddress,
  quickTimes,
  transmissionDefaults,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import type { LossyLink, Weather } from './lossy-link.ts';
import { diskOf, lossyLink, underSeeds } from './lossy-link.ts';
import type { Resource } from './resources.ts';
import { chunked, imageOf, resources } from './resources.ts';

interface Given {
  readonly weather?: Weather;
  readonly szx?: number;
  /** Whether the server knows such blocks. */
  readonly isKnown?: boolean;
  readonly isOscore?: boolean;
  readonly isProving?: boolean;
}

const transmission = { ...transmissionDefaults, maxRetransmit: 8 };

function across(seed: number, handler: Handler, given: Given = {}) {
  const { weather = {}, szx = 6, isKnown = true, isOscore = false, isProving = false } = given;
  const link = lossyLink(seed, weather);
  const { clock, random } = link;
  const common = { clock, random, onBug: noBug };
  const quick = isKnown ? { quick: quickTimes(transmission, random) } : {};
  const blocks = blockServer(handler, { ...common, ...quick });
  const [masterSecret, a, b] = [utf8('sixteen bytes ok'), utf8('a'), utf8('b')];
  const own = oscoreContext({ masterSecret, senderId: a, recipientId: b, store: diskOf() });
  const other = oscoreContext({ masterSecret, senderId: b, recipientId: a, store: diskOf() });
  const plain = isProving ? provingAddress(blocks, common) : blocks;
  const respond = isOscore ? oscoreServer({ find: () => own, random, secured: blocks }) : plain;
  createEndpoint({ ...common, transmission, datagrams: link.open('server'), respond });
  const endpoint = createEndpoint({ ...common, transmission, datagrams: link.open('client') });
  const carrier = {
    ask: endpoint.ask('server'),
    watch: endpoint.watch('server'),
    burst: endpoint.burst('server'),
  };
  const { ask, burst } = echoing(isOscore ? oscoreClient(other, carrier) : carrier);
  return { link, client: blockClient(ask, { random, szx, burst, transmission }) };
}

const images = (size: number, etag = 'v1') =>
  new Map<string, Resource>([['image', { bytes: imageOf(size), etag }]]);
const whole = async (client: Handler, path = '/ranged/image') =>
  collect((await client(request('GET', path))).body, 2_000_000);
const messages = (link: LossyLink, address: string): Message[] =>
  link.sent.filter(({ from }) => from === address).map(({ bytes }) => decodeMessage(bytes));
const has = ({ options }: Message, name: keyof typeof optionTable) =>
  options.some(({ number }) => number === optionTable[name].number);

test('RFC 9177 §4.4: a body comes in sets, with one request for each and none for a block', async () => {
  for (const size of [0, 1, 1024, 1025, 10_240, 10_241, 100_000]) {
    const { link, client } = across(1, resources(images(size)).handler);
    assert.deepEqual(await whole(client), imageOf(size));
    const sets = Math.max(1, Math.ceil(size / 10_240));
    assert.equal(messages(link, 'client').length, sets, `${size} bytes`);
    const blocks = messages(link, 'server');
    assert.equal(blocks.length, Math.max(1, Math.ceil(size / 1024)));
    // §4.6: in each block, where there are several, are the version and the size.
    const isTold = blocks.every((one) => has(one, 'size2') && has(one, 'etag') && has(one, 'qBlock2'));
    assert.equal(isTold, size > 1024);
    // §4.1: only the question whether the server knows such blocks is confirmable.
    assert.ok(
      messages(link, 'client').every(({ type }, at) => (type === messageTypes.confirmable) === (at === 0)),
    );
  }
});

test('S0-03, S4-110, RFC 9177 §7.2: bodies and uploads arrive whole over a link that loses and swaps', () =>
  underSeeds(3, async (seed) => {
    for (const isOscore of [false, true]) {
      const { handler, uploads } = resources(images(60_000));
      const weather = { loss: 0.15, copies: 0.1, delayMs: [5, 1_500] } as const;
      const { client } = across(seed, handler, { weather, isOscore });
      assert.deepEqual(await whole(client), imageOf(60_000));
      const sent = imageOf(50_000, seed);
      const response = await client(request('POST', '/uploads', { body: bytesBody(sent) }));
      assert.equal(response.status, 'changed');
      assert.deepEqual(uploads, [sent]);
    }
  }));

test('RFC 9177 §4.2: in blocks of every size that there is', async () => {
  for (let szx = 0; szx <= 6; szx++) {
    const { handler, uploads } = resources(images(5_000));
    const { link, client } = across(szx, handler, { szx });
    assert.deepEqual(await whole(client), imageOf(5_000));
    const body = bytesBody(imageOf(3_000));
    assert.equal((await client(request('POST', '/uploads', { body }))).status, 'changed');
    assert.deepEqual(uploads, [imageOf(3_000)]);
    const most = Math.max(...link.sent.map(({ bytes }) => bytes.length));
    assert.ok(most <= 2 ** (szx + 4) + 60, `${most} bytes with szx ${szx}`);
  }
});

test('S0-03, RFC 9177 §4.4: a transfer that was cut goes on at any byte', async () => {
  const bytes = imageOf(30_000);
  const { client } = across(1, resources(images(30_000)).handler);
  for (const start of [0, 1, 1023, 1024, 10_239, 10_240, 15_000, 29_999]) {
    const response = await client(request('GET', '/ranged/image', { range: { start } }));
    assert.deepEqual([response.status, response.range], ['partial', { start, total: 30_000 }]);
    assert.deepEqual(await collect(response.body, 40_000), bytes.subarray(start), String(start));
  }
  const range = { start: 1_500, end: 12_000 };
  const part = await client(request('GET', '/ranged/image', { range }));
  assert.deepEqual(await collect(part.body, 40_000), bytes.subarray(1_500, 12_001));
  const behind = await client(request('GET', '/ranged/image', { range: { start: 30_720 } }));
  assert.equal(behind.status, 'range-not-satisfiable');
});

test('RFC 9177 §4.1: a server that knows no such blocks is asked once, and served as it knows', async () => {
  const { handler, uploads } = resources(images(20_000));
  const { link, client } = across(1, handler, { isKnown: false });
  assert.deepEqual(await whole(client), imageOf(20_000));
  assert.deepEqual(await whole(client), imageOf(20_000));
  const body = bytesBody(imageOf(20_000));
  assert.equal((await client(request('POST', '/uploads', { body }))).status, 'changed');
  assert.deepEqual(uploads, [imageOf(20_000)]);
  assert.equal(
    messages(link, 'client').filter((one) => has(one, 'qBlock1') || has(one, 'qBlock2')).length,
    1,
  );
  // An upload that is the first to find out begins again without a byte lost.
  const second = across(2, handler, { isKnown: false });
  assert.equal((await second.client(request('POST', '/uploads', { body }))).status, 'changed');
  assert.deepEqual(uploads[1], imageOf(20_000));
});

test('RFC 9175 §2.4: a stranger gets one small block; who proves its address gets the sets', async () => {
  const { link, client } = across(1, resources(images(50_000)).handler, { isProving: true });
  assert.deepEqual(await whole(client), imageOf(50_000));
  const [asked] = link.sent.filter(({ from }) => from === 'client');
  const [first, second] = link.sent.filter(({ from }) => from === 'server');
  assert.ok((first?.bytes.length ?? Infinity) <= 3 * (asked?.bytes.length ?? 0));
  assert.ok((second?.bytes.length ?? 0) > 1024);
});

test('RFC 9177 §4.4: blocks of two versions make no body; what nobody reads is not asked for', async () => {
  const image: Resource = { bytes: imageOf(300_000, 1), etag: 'one' };
  const { link, client } = across(1, resources(new Map([['image', image]])).handler);
  const response = await client(request('GET', '/ranged/image'));
  const read = async () => {
    for await (const _ of response.body) Object.assign(image, { bytes: imageOf(300_000, 2), etag: 'two' });
  };
  await assert.rejects(read(), /expected a block of version/);
  const unread = await client(request('GET', '/ranged/image'));
  await discard(unread.body);
  const before = messages(link, 'client').length;
  await link.clock.sleep(100_000);
  // §4.3: what comes under tokens that are forgotten is rejected.
  assert.ok(
    messages(link, 'client')
      .slice(before)
      .every(({ type }) => type === messageTypes.reset),
  );
});

test('RFC 9177 §4.3: an upload that is refused is told at its first block', async () => {
  const { handler } = resources(new Map());
  const { link, client } = across(1, handler);
  const headers = { 'content-length': '500000' };
  const body = chunked(imageOf(500_000), 9_000);
  assert.equal((await client(request('POST', '/uploads', { headers, body }))).status, 'too-large');
  assert.equal(messages(link, 'client').length, 1);
});
