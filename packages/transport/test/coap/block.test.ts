/** Bodies larger than a message, over a link that loses: whole, of one version, and refused early. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, Random, Request } from '@lapel/transport';
import { TransportError, bytesBody, collect, readProblem, request } from '@lapel/transport';
import type { Ask, Content } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  createEndpoint,
  methodCodes,
  option,
  optionValue,
  responseCodes,
  text,
  uint,
  uintOption,
} from '@lapel/transport/coap';
import { noBug, utf8 } from '../bodies.ts';
import type { Weather } from './lossy-link.ts';
import { lossyLink, seeded, underSeeds, waitingClock } from './lossy-link.ts';
import type { Resource } from './resources.ts';
import { chunked, imageOf, resources } from './resources.ts';

const never = new AbortController().signal;

/** A client and a server with a link between them. */
function across(seed: number, handler: Handler, weather: Weather = {}, szx = 6) {
  const link = lossyLink(seed, weather);
  const common = { clock: link.clock, random: link.random, onBug: noBug };
  const transmission = { maxRetransmit: 8 };
  const respond = blockServer(handler, common);
  createEndpoint({ ...common, transmission, datagrams: link.open('server'), respond });
  const client = createEndpoint({ ...common, transmission, datagrams: link.open('client') });
  return { link, client: blockClient(client.ask('server'), { random: link.random, szx }) };
}

/** The two sides of blocks, with nothing between them that could lose anything; what is asked is told. */
function direct(
  handler: Handler,
  { random = seeded(1), limits = {} }: { random?: Random; limits?: object } = {},
) {
  const clock = waitingClock();
  const respond = blockServer(handler, { clock, onBug: noBug, limits });
  const asked: Content[] = [];
  const ask: Ask = async (content, signal) => {
    asked.push(content);
    return respond(content, { key: 'client', signal });
  };
  return { ask, asked, clock, respond, client: blockClient(ask, { random }) };
}

const get = (path: string, given: Partial<Request> = {}) => request('GET', path, given);
const body = async (client: Handler, path: string) => collect((await client(get(path))).body, 2_000_000);

test('RFC 7959 §2.4: a body of any size arrives whole, whether its Handler knows ranges or not', async () => {
  const sizes = [0, 1, 15, 16, 17, 1023, 1024, 1025, 65_535, 65_536, 65_537, 200_000];
  const images = new Map(sizes.map((size) => [String(size), { bytes: imageOf(size), etag: `v${size}` }]));
  const { client } = direct(resources(images).handler);
  for (const way of ['ranged', 'whole', 'stream']) {
    for (const [name, { bytes }] of images) {
      const response = await client(get(`/${way}/${name}`));
      assert.equal(response.status, 'ok');
      assert.ok(response.size === bytes.length || (way === 'stream' && bytes.length > 65_536));
      assert.deepEqual(await collect(response.body, 2_000_000), bytes, `${way} ${name}`);
    }
  }
});

test('RFC 7959 §2.2: in blocks of every size that there is', async () => {
  const images = new Map([['image', { bytes: imageOf(5_000), etag: 'v1' }]]);
  for (let szx = 0; szx <= 6; szx++) {
    const { link, client } = across(szx, resources(images).handler, {}, szx);
    assert.deepEqual(await body(client, '/ranged/image'), imageOf(5_000));
    const upload = await client(request('POST', '/mirror', { body: chunked(imageOf(3_000), 100) }));
    assert.deepEqual(await collect(upload.body, 10_000), imageOf(3_000));
    const most = Math.max(...link.sent.map(({ bytes }) => bytes.length));
    assert.ok(most <= 2 ** (szx + 4) + 60, `${most} bytes with szx ${szx}`);
  }
});

test('S0-03: bodies and uploads arrive whole over a link that loses, doubles and swaps', () =>
  underSeeds(8, async (seed) => {
    const images = new Map([['image', { bytes: imageOf(40_000), etag: 'v1' }]]);
    const { handler, uploads } = resources(images);
    const { client } = across(seed, handler, { loss: 0.1, copies: 0.1, delayMs: [5, 1_500] });
    assert.deepEqual(await body(client, '/ranged/image'), imageOf(40_000));
    const sent = imageOf(20_000, seed);
    const response = await client(request('POST', '/uploads', { body: chunked(sent, 3_333) }));
    assert.equal(response.status, 'changed');
    assert.deepEqual(uploads, [sent]);
  }));

test('S0-03: a transfer that was cut goes on at any byte', async () => {
  const bytes = imageOf(10_000);
  const images = new Map([['image', { bytes, etag: 'v1' }]]);
  const { client } = direct(resources(images).handler);
  for (const way of ['ranged', 'whole', 'stream']) {
    for (const start of [0, 1, 1023, 1024, 1025, 5_000, 9_999]) {
      const response = await client(get(`/${way}/image`, { range: { start } }));
      assert.equal(response.status, 'partial');
      assert.deepEqual(response.range, { start, total: bytes.length });
      assert.equal(response.size, bytes.length - start);
      assert.deepEqual(await collect(response.body, 20_000), bytes.subarray(start), `${way} ${start}`);
    }
    const part = await client(get(`/${way}/image`, { range: { start: 1_500, end: 1_599 } }));
    assert.equal(part.size, 100);
    assert.deepEqual(await collect(part.body, 20_000), bytes.subarray(1_500, 1_600));
  }
});

test('RFC 9110 §15.5.17: behind the last byte is nothing; the answer says how much there is', async () => {
  const images = new Map([['image', { bytes: imageOf(10_000), etag: 'v1' }]]);
  const { client } = direct(resources(images).handler);
  for (const start of [10_000, 10_240, 20_000]) {
    const response = await client(get('/ranged/image', { range: { start } }));
    assert.equal(response.status, 'range-not-satisfiable', String(start));
    assert.deepEqual(response.range, { start, total: 10_000 });
  }
});

test('RFC 7959 §2.4: blocks of two versions make no body', async () => {
  const image: Resource = { bytes: imageOf(100_000, 1), etag: 'one' };
  const { client } = direct(resources(new Map([['image', image]])).handler);
  for (const way of ['ranged', 'whole', 'stream']) {
    Object.assign(image, { bytes: imageOf(100_000, 1), etag: 'one' });
    const response = await client(get(`/${way}/image`));
    const read = async () => {
      for await (const _ of response.body) Object.assign(image, { bytes: imageOf(100_000, 2), etag: 'two' });
    };
    const expected = /expected a block of version/;
    // What is in memory of a whole body stays of one version; a stream is read again.
    if (way === 'whole') await read();
    else
      await assert.rejects(
        read(),
        (error) => error instanceof TransportError && expected.test(error.message),
      );
  }
});

test('RFC 7252 §5.10.6: a copy that is current is not sent again, by either of its names', async () => {
  const etag = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
  const asked: (string | undefined)[] = [];
  const { client } = direct(async (given) => {
    asked.push(given.ifNoneMatch);
    return { status: 'ok', etag, body: bytesBody(imageOf(3_000)) };
  });
  // The whole digest, which the client has from elsewhere; then what this binding told it.
  const first = await client(get('/x', { ifNoneMatch: etag }));
  assert.deepEqual([first.status, first.size, first.etag], ['valid', 0, '0011223344556677']);
  const second = await client(get('/x', { ifNoneMatch: first.etag }));
  assert.equal(second.status, 'valid');
  // Once the server has told the tag, its Handler gets the whole one to compare and to wait by.
  assert.deepEqual(asked, [undefined, etag]);
  assert.equal((await client(get('/x', { ifNoneMatch: 'another' }))).status, 'ok');
});

test('RFC 7959 §2.9.3: an upload that is refused is told at its first block', async () => {
  const { handler } = resources(new Map());
  const { client, asked } = direct(handler);
  const headers = { 'content-length': '500000' };
  const response = await client(
    request('POST', '/uploads', { headers, body: chunked(imageOf(500_000), 9_000) }),
  );
  assert.equal(response.status, 'too-large');
  assert.equal((await readProblem(response)).code, 'too-large');
  assert.equal(asked.length, 1);
  // One that does not say how long it is, at the block that is too much.
  const silent = await client(request('POST', '/uploads', { body: chunked(imageOf(500_000), 9_000) }));
  assert.equal(silent.status, 'too-large');
  assert.ok(asked.length < 101, `${asked.length} blocks`);
});

test('RFC 7959 §2.5: blocks that are out of order, or of another body, are incomplete', async () => {
  const { handler, uploads } = resources(new Map());
  const { ask } = direct(handler);
  const block = (number: number, more: boolean, tag: string, payload = imageOf(16)): Content => ({
    code: methodCodes.POST,
    options: [
      text('uriPath', 'uploads'),
      uint('block1', number * 16 + (more ? 8 : 0)),
      option('requestTag', utf8(tag)),
    ],
    payload,
  });
  const answer = async (content: Content) => (await ask(content, never)).code;
  const incomplete = responseCodes.requestEntityIncomplete;
  assert.equal(await answer(block(1, true, 'a')), incomplete);
  assert.equal(await answer(block(0, true, 'a')), responseCodes.continue);
  assert.equal(await answer(block(2, false, 'a')), incomplete);
  // RFC 9175 §3: the tag tells one body from another.
  assert.equal(await answer(block(1, false, 'b')), incomplete);
  // A block that was acknowledged before, under another number of its message.
  assert.equal(await answer(block(0, true, 'a')), responseCodes.continue);
  assert.equal(await answer(block(1, true, 'a')), responseCodes.continue);
  assert.equal(await answer(block(1, true, 'a')), responseCodes.continue);
  assert.equal(await answer(block(2, false, 'a')), responseCodes.changed);
  assert.deepEqual(uploads, [new Uint8Array([...imageOf(16), ...imageOf(16), ...imageOf(16)])]);
});

test('RFC 7959 §2.2, §2.3: a size of 7, and a block that is not of its size, are bad requests', async () => {
  const { ask } = direct(resources(new Map()).handler);
  const code = async (content: Content) => (await ask(content, never)).code;
  const path = [text('uriPath', 'uploads')];
  const post = { code: methodCodes.POST, payload: imageOf(15) };
  assert.equal(await code({ ...post, options: [...path, uint('block1', 7)] }), responseCodes.badRequest);
  assert.equal(await code({ ...post, options: [...path, uint('block1', 8)] }), responseCodes.badRequest);
  const wrong = { code: methodCodes.GET, options: [...path, uint('block2', 7)], payload: imageOf(0) };
  assert.equal(await code(wrong), responseCodes.badRequest);
});

test('a sender who falls silent in the middle of an upload is given up, and its Handler told', async () => {
  let told: unknown;
  const { ask, clock } = direct(
    async (given) => {
      await collect(given.body, 1_000).catch((error: unknown) => (told = error));
      return { status: 'bad-request', body: bytesBody(new Uint8Array(0)) };
    },
    { limits: { idleMsMax: 10_000 } },
  );
  const options = [text('uriPath', 'x'), uint('block1', 8)];
  await ask({ code: methodCodes.POST, options, payload: imageOf(16) }, never);
  await clock.sleep(20_000);
  assert.match(String(told), /its sender fell silent/);
});

test('uploads at once are bounded, for each sender and for all', async () => {
  const { respond } = direct(
    async (given) => {
      await collect(given.body, 1_000);
      return { status: 'changed', body: bytesBody(new Uint8Array(0)) };
    },
    { limits: { uploadsMax: 6 } },
  );
  const begin = async (sender: string, path: string) => {
    const options = [text('uriPath', path), uint('block1', 8)];
    const content = { code: methodCodes.POST, options, payload: imageOf(16) };
    return (await respond(content, { key: sender, signal: never })).code;
  };
  for (const path of ['a', 'b', 'c', 'd']) assert.equal(await begin('one', path), responseCodes.continue);
  assert.equal(await begin('one', 'e'), responseCodes.serviceUnavailable);
  // A new one to the same resource takes the old one's place.
  assert.equal(await begin('one', 'a'), responseCodes.continue);
  for (const path of ['a', 'b']) assert.equal(await begin('two', path), responseCodes.continue);
  assert.equal(await begin('three', 'a'), responseCodes.serviceUnavailable);
});

test('RFC 7252 §5.10.2, §5.4.1: nothing is a proxy, and what is critical and unknown is told', async () => {
  const { ask } = direct(resources(new Map()).handler);
  const content = { code: methodCodes.GET, payload: imageOf(0) };
  const proxied = await ask({ ...content, options: [text('proxyUri', 'coap://x/y')] }, never);
  assert.equal(proxied.code, responseCodes.proxyingNotSupported);
  const unknown = await ask({ ...content, options: [{ number: 65_003, value: imageOf(0) }] }, never);
  assert.equal(unknown.code, responseCodes.badOption);
  assert.equal(uintOption(unknown.options, 'contentFormat'), 257);
  // RFC 7252 §5.8: a method that is not known.
  assert.equal((await ask({ ...content, code: 5, options: [] }, never)).code, responseCodes.methodNotAllowed);
});

test('RFC 7252 §5.10.4: what the client does not take is not sent', async () => {
  const images = new Map([['image', { bytes: imageOf(10), etag: 'v1' }]]);
  const { ask } = direct(resources(images).handler);
  const path = [text('uriPath', 'ranged'), text('uriPath', 'image')];
  const asking = (accept: number) => ({
    code: methodCodes.GET,
    options: [...path, uint('accept', accept)],
    payload: imageOf(0),
  });
  assert.equal((await ask(asking(60), never)).code, responseCodes.notAcceptable);
  const taken = await ask(asking(42), never);
  assert.deepEqual([taken.code, optionValue(taken.options, 'etag')?.length], [responseCodes.content, 8]);
});
