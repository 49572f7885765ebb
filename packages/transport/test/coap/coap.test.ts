/** A Handler behind CoAP, across real sockets, answers as it answers in memory. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Handler, ProblemCode, Request, Status } from '@lapel/transport';
import {
  PortInUse,
  Problem,
  bearer,
  bytesBody,
  collect,
  emptyBody,
  problemResponse,
  readProblem,
  receive,
  request,
  systemClock,
} from '@lapel/transport';
import type { CoapClientOptions, ServeCoapOptions } from '@lapel/transport/coap';
import {
  coapClient,
  decodeMessage,
  encodeMessage,
  methodCodes,
  optionValue,
  responseCodes,
  serveCoap,
  subscribeByWaiting,
  text as textOption,
  uintOption,
} from '@lapel/transport/coap';
import { noBug, text, utf8 } from '../bodies.ts';
import { imageOf, resources } from './resources.ts';

async function between(
  context: TestContext,
  handler: Handler,
  options: Partial<ServeCoapOptions> = {},
  given: CoapClientOptions = {},
) {
  const server = await serveCoap(handler, { port: 0, onBug: noBug, ...options });
  const client = coapClient(server.url, given);
  context.after(async () => {
    await client.close();
    await server.close();
  });
  return { server, client };
}

const echo: Handler = async (asked) => ({
  status: 'ok',
  contentType: 'text/plain',
  headers: { 'cache-control': 'max-age=600' },
  body: bytesBody(utf8(`${asked.method} ${asked.path} ${text(await receive(asked, 10_000))}`)),
});

test('§5.6: a Handler behind CoAP answers as it answers in memory', async (context) => {
  const { client } = await between(context, echo);
  for (const method of ['GET', 'PUT', 'POST'] as const) {
    const body = method === 'GET' ? emptyBody : bytesBody(utf8('lamp'));
    const response = await client(request(method, '/payloads/ab', { body }));
    assert.equal(response.status, 'ok');
    const sent = method === 'GET' ? '' : 'lamp';
    assert.equal(text(await collect(response.body, 100)), `${method} /payloads/ab ${sent}`);
    assert.equal(response.contentType, 'text/plain');
  }
});

test('path, query, content type and token arrive as they were sent', async (context) => {
  let seen: Request | undefined;
  const remember: Handler = async (asked) => {
    seen = asked;
    return { status: 'ok', body: emptyBody };
  };
  const peer = { id: 'lamp', roles: ['device'] };
  const { client } = await between(
    context,
    bearer(remember, (token) => (token === 'A-1_~+/==' ? peer : undefined)),
  );
  const query = new Map([
    ['a&b', 'c=d?'],
    ['ä', ' %2f#'],
  ]);
  const headers = { authorization: 'Bearer A-1_~+/==', 'content-type': 'application/cose' };
  for (const path of ['/', '/a b/ü?x', '/100%/#1', '/..a/b..', '/[::]/+;,@']) {
    await client(request('POST', path, { query, headers, body: bytesBody(utf8('x')) }));
    assert.equal(seen?.path, path);
    assert.deepEqual(seen.query, query);
    assert.deepEqual(seen.peer, peer);
    assert.equal(seen.headers['content-type'], 'application/cose');
  }
});

test('every status survives the way over CoAP, but the one that CoAP has not', async (context) => {
  const statuses: readonly Status[] = [
    ...(['ok', 'created', 'changed', 'valid', 'bad-request', 'unauthorized', 'forbidden'] as const),
    ...(['not-found', 'method-not-allowed', 'conflict', 'too-large', 'unsupported-format'] as const),
    ...(['range-not-satisfiable', 'unprocessable', 'too-many-requests', 'internal-error'] as const),
    ...(['unavailable', 'storage-full', 'gone'] as const),
  ];
  const { client } = await between(context, async ({ path }) => ({
    status: path.slice(1) as Status,
    etag: 'ab',
    body: emptyBody,
  }));
  for (const status of statuses) {
    const { status: found } = await client(request(status === 'changed' ? 'PUT' : 'GET', `/${status}`));
    assert.equal(found, status === 'gone' ? 'not-found' : status);
  }
});

test('RFC 9290: a problem arrives as its server threw it', async (context) => {
  const codes: readonly ProblemCode[] = [
    'already-published',
    'storage-full',
    'sequence-not-higher',
    'internal',
  ];
  const { client } = await between(context, async ({ path }) =>
    problemResponse(new Problem(path.slice(1) as ProblemCode, `expected 1, found ${path} and ü`)),
  );
  for (const code of codes) {
    const response = await client(request('GET', `/${code}`));
    const problem = await readProblem(response);
    assert.deepEqual([problem.code, problem.detail], [code, `expected 1, found /${code} and ü`]);
  }
});

test('paths that could mean another thing to a file system are refused, as over HTTP', async (context) => {
  const { server } = await between(context, echo);
  const socket = createSocket('udp4');
  context.after(() => socket.close());
  const ask = async (segments: readonly string[]) => {
    const options = segments.map((segment) => textOption('uriPath', segment));
    const message = {
      type: 0,
      id: 1 + Math.floor(Math.random() * 60_000),
      token: utf8('t'),
      payload: utf8(''),
    };
    socket.send(encodeMessage({ ...message, code: methodCodes.GET, options }), server.port);
    const bytes = await new Promise<Uint8Array>((resolve) => socket.once('message', resolve));
    return decodeMessage(bytes).code;
  };
  const isRefused = async (segments: readonly string[]) => (await ask(segments)) === responseCodes.badRequest;
  for (const segments of [['..'], ['a', '.', 'b'], ['a', '', 'b'], ['a/b'], ['a\\b'], ['a\0']])
    assert.ok(await isRefused(segments), segments.join('|'));
  assert.equal(await isRefused(['a', 'b']), false);
});

test('RFC 7252 §5.10.7, §5.10.5: a location and what is said of keeping arrive', async (context) => {
  const { client } = await between(context, async () => ({
    status: 'created',
    headers: { location: '/manifests/ab' },
    body: emptyBody,
  }));
  const created = await client(request('POST', '/manifests', { body: bytesBody(utf8('x')) }));
  assert.equal(created.headers?.['location'], '/manifests/ab');
  const { client: other } = await between(context, echo);
  assert.equal((await other(request('GET', '/'))).headers?.['cache-control'], 'max-age=600');
});

test('where nobody listens it is unreachable; where nobody answers, no-answer', async (context) => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  const client = coapClient(`coap://127.0.0.1:${port}`, {
    transmission: { ackTimeoutMs: 10, maxRetransmit: 2 },
  });
  context.after(() => client.close());
  await assert.rejects(client(request('GET', '/')), { kind: 'no-answer' });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  await assert.rejects(client(request('GET', '/')), { kind: 'unreachable' });
  const lost = coapClient('coap://lamp.invalid');
  await assert.rejects(lost(request('GET', '/')), { kind: 'unreachable' });
});

test('a request that is given up ends at once, and a port that is taken is told', async (context) => {
  const { client, server } = await between(context, () => new Promise(() => undefined));
  const reason = new Error('enough');
  const stop = new AbortController();
  const asked = client(request('GET', '/', { signal: stop.signal }));
  stop.abort(reason);
  await assert.rejects(asked, reason);
  await assert.rejects(serveCoap(echo, { port: server.port, onBug: noBug }), PortInUse);
});

/** As long as a digest. */
const image = 'i'.repeat(64);

test('RFC 9175 §2.4: before an address is proven, answers are thrice requests at most', async (context) => {
  const images = new Map([[image, { bytes: imageOf(20_000), etag: 'v1' }]]);
  const { server, client } = await between(context, resources(images).handler);
  // A client that knows no Echo gets all of it, in small blocks.
  const socket = createSocket('udp4');
  context.after(() => socket.close());
  const found: Uint8Array[] = [];
  const options = ['ranged', image].map((segment) => textOption('uriPath', segment));
  let block = 0;
  for (let id = 1; ; id++) {
    const value = id === 1 ? [] : [{ number: 23, value: Uint8Array.of(block >>> 8, block & 0xff) }];
    const message = { type: 0, id, code: methodCodes.GET, token: utf8('t'), payload: utf8('') };
    const sent = encodeMessage({ ...message, options: [...options, ...value] });
    socket.send(sent, server.port);
    const received = await new Promise<Uint8Array>((resolve) => socket.once('message', resolve));
    assert.ok(received.length <= 3 * sent.length, `${received.length} bytes to ${sent.length}`);
    const answer = decodeMessage(received);
    assert.equal(answer.code, responseCodes.content);
    found.push(answer.payload);
    const told = uintOption(answer.options, 'block2') ?? 0;
    if ((told & 8) === 0) break;
    block = ((told >>> 4) + 1) * 16 + (told & 7);
  }
  assert.deepEqual(new Uint8Array(Buffer.concat(found)), imageOf(20_000));
  assert.ok(found.length > 100);
  // Ours echoes, and gets blocks of the largest size.
  let blocks = 0;
  const response = await client(request('GET', `/ranged/${image}`));
  for await (const _ of response.body) blocks += 1;
  assert.equal(blocks, 20);
});

test('RFC 9175 §2.4: who is refused may prove where it is, but for the end of an upload', async (t) => {
  const heard: boolean[] = [];
  const { client } = await between(t, async (asked) => {
    await receive(asked, 10_000);
    heard.push(asked.sender !== undefined);
    return problemResponse(new Problem('unauthorized', 'expected another, found you'));
  });
  // The upload first, as afterwards the address is known.
  for (const [length, proven] of [
    [5_000, [false]],
    [100, [false, true]],
  ] as const) {
    heard.length = 0;
    const body = bytesBody(new Uint8Array(length));
    const { status, body: answer } = await client(request('POST', '/a-long-way', { body }));
    await collect(answer, 1_000);
    assert.deepEqual([status, heard], ['unauthorized', proven]);
  }
});

test('RFC 9175 §2.2: an Echo that was made for another address proves nothing', async (context) => {
  const images = new Map([[image, { bytes: imageOf(5_000), etag: 'v1' }]]);
  const { server } = await between(context, resources(images).handler);
  const sockets = [createSocket('udp4'), createSocket('udp4')];
  context.after(() => sockets.forEach((socket) => socket.close()));
  const ask = async (socket: (typeof sockets)[number] | undefined, id: number, echo?: Uint8Array) => {
    const options = ['ranged', image].map((segment) => textOption('uriPath', segment));
    const proof = echo === undefined ? [] : [{ number: 252, value: echo }];
    const message = { type: 0, id, code: methodCodes.GET, token: utf8('t'), payload: utf8('') };
    socket?.send(encodeMessage({ ...message, options: [...options, ...proof] }), server.port);
    return decodeMessage(await new Promise<Uint8Array>((resolve) => socket?.once('message', resolve)));
  };
  const echo = optionValue((await ask(sockets[0], 1)).options, 'echo');
  assert.equal(echo?.length, 8);
  assert.ok((await ask(sockets[1], 1, echo)).payload.length < 500);
  assert.ok((await ask(sockets[0], 2, imageOf(8))).payload.length < 500);
  assert.equal((await ask(sockets[0], 3, echo)).payload.length, 1024);
  // Proven once, an address stays so.
  assert.equal((await ask(sockets[0], 4)).payload.length, 1024);
});

test('RFC 7641 §4.2: an observer is told what a resource becomes, in blocks if large', async (context) => {
  let version = 1;
  let wake: (() => void) | undefined;
  const become = (next: number) => {
    version = next;
    wake?.();
  };
  const handler: Handler = async (asked) => {
    const isCurrent = asked.ifNoneMatch === `v${version}`;
    if (asked.query.has('waitMs') && isCurrent) await new Promise<void>((resolve) => (wake = resolve));
    return { status: 'ok', etag: `v${version}`, body: bytesBody(imageOf(3_000, version)) };
  };
  const subscribe = subscribeByWaiting(handler, systemClock, (path) => path === '/offer');
  const { client } = await between(context, handler, { subscribe });
  const stop = new AbortController();
  const seen: Uint8Array[] = [];
  for await (const response of client.subscribe(request('GET', '/offer', { signal: stop.signal }))) {
    assert.equal(response.status, 'ok');
    seen.push(await collect(response.body, 10_000));
    if (seen.length === 8) break;
    become(version + 1);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 8 }, (_, index) => imageOf(3_000, index + 1)),
  );
  // What is not observed is answered once.
  let plain = 0;
  for await (const _ of client.subscribe(request('GET', '/other'))) plain += 1;
  assert.equal(plain, 1);
  become(99);
});
