import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Handler, Request, Response, Status } from '@lapel/transport';
import {
  bytesBody,
  collect,
  discard,
  emptyBody,
  httpClient,
  httpListener,
  receive,
  request,
} from '@lapel/transport';
import { chunks, noBug, served, text, utf8 } from './bodies.ts';

const echo: Handler = async (asked) => ({
  status: 'ok',
  contentType: 'text/plain',
  headers: { 'cache-control': 'no-store' },
  body: bytesBody(utf8(`${asked.method} ${asked.path} ${text(await receive(asked, 10_000))}`)),
});

test('§5.6: a Handler behind HTTP answers as it answers in memory', async (context) => {
  const client = httpClient((await served(context, echo)).url);
  for (const method of ['GET', 'PUT', 'POST', 'DELETE'] as const) {
    const response = await client(request(method, '/payloads/ab', { body: bytesBody(utf8('lamp')) }));
    assert.equal(response.status, 'ok');
    assert.equal(response.contentType, 'text/plain');
    assert.equal(response.headers?.['cache-control'], 'no-store');
    assert.equal(text(await collect(response.body, 100)), `${method} /payloads/ab lamp`);
  }
});

test('path, query and headers arrive as they were sent, whatever characters they have', async (context) => {
  let seen: Request | undefined;
  const server = await served(context, async (asked) => {
    seen = asked;
    return { status: 'ok', body: emptyBody };
  });
  const client = httpClient(`${server.url}/`);
  const query = new Map([
    ['a&b', 'c=d?'],
    ['ä', ' %2f#'],
  ]);
  for (const path of ['/', '/a b/ü?x', '/100%/#1', '/..a/b..', '/[::]/+;,@']) {
    await client(request('GET', path, { query, headers: { 'x-lamp': 'a; b' } }));
    assert.equal(seen?.path, path);
    assert.deepEqual(seen.query, query);
    assert.equal(seen.headers['x-lamp'], 'a; b');
  }
});

test('every status survives the way over HTTP', async (context) => {
  const statuses: readonly Status[] = [
    ...([
      'ok',
      'created',
      'changed',
      'valid',
      'bad-request',
      'unauthorized',
      'forbidden',
      'not-found',
    ] as const),
    ...(['method-not-allowed', 'conflict', 'gone', 'too-large', 'range-not-satisfiable'] as const),
    ...(['unsupported-format', 'unprocessable', 'too-many-requests', 'internal-error'] as const),
    ...(['unavailable', 'storage-full'] as const),
  ];
  const server = await served(context, async ({ path }) => ({
    status: statuses.find((status) => path === `/${status}`) ?? 'not-found',
    body: emptyBody,
  }));
  const client = httpClient(server.url);
  for (const status of statuses) assert.equal((await client(request('GET', `/${status}`))).status, status);
});

test('bodies stream both ways, with and without a declared size', async (context) => {
  const server = await served(context, async (asked) => ({
    status: 'ok',
    size: asked.headers['content-length'] === undefined ? undefined : Number(asked.headers['content-length']),
    body: asked.body,
  }));
  const client = httpClient(server.url);
  for (const headers of [{}, { 'content-length': '1000000' }]) {
    const response = await client(request('PUT', '/', { body: chunks(100, 10_000), headers }));
    assert.equal(response.size, 'content-length' in headers ? 1_000_000 : undefined);
    const collected = await collect(response.body, 1_000_000);
    assert.deepEqual(collected, await collect(chunks(100, 10_000), 1_000_000));
  }
});

test('RFC 9110 §13.1.2: a copy that is still current is not sent again', async (context) => {
  const asked: (string | undefined)[] = [];
  const server = await served(context, async ({ ifNoneMatch }): Promise<Response> => {
    asked.push(ifNoneMatch);
    return { status: 'ok', etag: 'v1', body: bytesBody(utf8('image')) };
  });
  const client = httpClient(server.url);
  const first = await client(request('GET', '/'));
  assert.equal(first.etag, 'v1');
  assert.equal(text(await collect(first.body, 10)), 'image');
  const again = await client(request('GET', '/', { ifNoneMatch: 'v1' }));
  assert.equal(again.status, 'valid');
  assert.equal((await collect(again.body, 10)).length, 0);
  const changed = await client(request('GET', '/', { ifNoneMatch: 'v0' }));
  assert.equal(changed.status, 'ok');
  await discard(changed.body);
  assert.deepEqual(asked, [undefined, 'v1', 'v0']);
  for (const [field, code] of [
    ['W/"v1"', 304],
    ['"v0", "v1"', 304],
    ['*', 304],
    ['"v2", v1', 200],
  ] as const) {
    const answer = await fetch(server.url, { headers: { 'if-none-match': field } });
    assert.equal(answer.status, code, field);
    await answer.arrayBuffer();
  }
});

const image = utf8('0123456789');
const ranged: Handler = async ({ range }): Promise<Response> => {
  if (range === undefined) return { status: 'ok', body: bytesBody(image) };
  if (range.start >= image.length) {
    return { status: 'range-not-satisfiable', range: { start: 0, total: image.length }, body: emptyBody };
  }
  const body = bytesBody(image.subarray(range.start, (range.end ?? image.length) + 1));
  return { status: 'partial', range: { start: range.start, total: image.length }, body };
};

test('RFC 9110 §14: a download goes on where it stopped', async (context) => {
  const client = httpClient((await served(context, ranged)).url);
  const rest = await client(request('GET', '/', { range: { start: 4 } }));
  assert.equal(rest.status, 'partial');
  assert.deepEqual(rest.range, { start: 4, total: 10 });
  assert.equal(rest.size, 6);
  assert.equal(text(await collect(rest.body, 10)), '456789');
  const middle = await client(request('GET', '/', { range: { start: 4, end: 5 } }));
  assert.equal(text(await collect(middle.body, 10)), '45');
  const beyond = await client(request('GET', '/', { range: { start: 10 } }));
  assert.equal(beyond.status, 'range-not-satisfiable');
  assert.equal(beyond.headers?.['content-range'], 'bytes */10');
});

test('RFC 9110 §14.2: a range of another form is ignored, and the whole is sent', async (context) => {
  const server = await served(context, ranged);
  for (const range of [
    'bytes=-4',
    'bytes=5-4',
    'bytes=0-1,4-5',
    'lines=1-2',
    'bytes=x-',
    'bytes=1-99999999999999999',
  ]) {
    const answer = await fetch(server.url, { headers: { range } });
    assert.equal(answer.status, 200, range);
    assert.equal(await answer.text(), '0123456789');
  }
});

test('RFC 9110 §9.3.2: HEAD answers as GET does, without the content', async (context) => {
  const body = Readable.from([image]);
  const server = await served(context, async () => ({ status: 'ok', etag: 'v1', size: 10, body }));
  const answer = await fetch(server.url, { method: 'HEAD' });
  assert.equal(answer.headers.get('content-length'), '10');
  assert.equal(answer.headers.get('etag'), '"v1"');
  assert.equal(await answer.text(), '');
  assert.ok(body.destroyed, 'what is behind the body is given back');
});

test('RFC 9110 §11.6.1: a 401 names the scheme', async (context) => {
  const server = await served(context, async () => ({ status: 'unauthorized', body: emptyBody }));
  assert.equal((await fetch(server.url)).headers.get('www-authenticate'), 'Bearer');
});

test('a Handler can be mounted in a server of somebody else', async (context) => {
  const listener = httpListener(echo, { onBug: noBug });
  const server = createServer((incoming, outgoing) => {
    outgoing.setHeader('x-mounted', 'yes');
    listener(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const answer = await fetch(`http://127.0.0.1:${address.port}/x`);
  assert.equal(answer.headers.get('x-mounted'), 'yes');
  assert.equal(await answer.text(), 'GET /x ');
  server.closeAllConnections();
});

test('connections are kept: a device that polls shakes hands once', async (context) => {
  const server = createServer(httpListener(echo, { onBug: noBug }));
  let connections = 0;
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const client = httpClient(`http://127.0.0.1:${address.port}`);
  for (let poll = 0; poll < 5; poll++) {
    const response = await client(request('GET', '/'));
    await collect(response.body, 100);
  }
  assert.equal(connections, 1);
});
