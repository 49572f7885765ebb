import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { test } from 'node:test';
import type { Handler } from '@lapel/transport';
import { collect, discard, emptyBody, httpClient, httpListener, request, wholeBytes } from '@lapel/transport';
import { chunks, noBug, rawServer, served } from './bodies.ts';
import { selfSigned } from '../../../tools/certificate.ts';

test('§8: a port where nothing listens, and a name that nobody has, are unreachable', async (context) => {
  const server = await served(context, async () => ({ status: 'ok', body: emptyBody }));
  await server.close(0);
  for (const url of [server.url, 'http://nobody.invalid:8080']) {
    await assert.rejects(httpClient(url)(request('GET', '/')), {
      name: 'TransportError',
      kind: 'unreachable',
    });
  }
});

test('§8: a server that hangs up or says nothing gave no answer', async (context) => {
  const hangUp = await rawServer(context, (socket) => socket.destroy());
  const silent = await rawServer(context, () => undefined);
  for (const url of [hangUp, silent]) {
    const client = httpClient(url, { timeoutMs: 100 });
    await assert.rejects(client(request('GET', '/')), { name: 'TransportError', kind: 'no-answer' });
  }
});

test('S0-03: a body cut short is told apart from its end', async (context) => {
  const cuts = [
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n',
    'HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 5-24/25\r\ncontent-length: 20\r\n\r\n0123456789',
  ];
  for (const said of cuts) {
    const url = await rawServer(context, (socket) => socket.end(said));
    const response = await httpClient(url)(request('GET', '/'));
    const expected = { kind: 'no-answer', message: /^expected (100|all|20) bytes of the body, found 10$/ };
    await assert.rejects(collect(response.body, 1000), expected);
  }
});

test('house rule 8: a server that falls silent within its body is given up', async (context) => {
  const url = await rawServer(context, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
  );
  const response = await httpClient(url, { timeoutMs: 100 })(request('GET', '/'));
  await assert.rejects(collect(response.body, 1000), { kind: 'no-answer' });
});

test('§8: what is not HTTP, or breaks its rules or our limits, is malformed', async (context) => {
  const answers = [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx-long: ${'a'.repeat(20_000)}\r\n\r\n`,
    'HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\na',
    'HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-9/5\r\ncontent-length: 10\r\n\r\n0123456789',
    'HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-4/5\r\ncontent-length: 4\r\n\r\n0123',
  ];
  for (const said of answers) {
    const url = await rawServer(context, (socket) => socket.end(said));
    await assert.rejects(httpClient(url)(request('GET', '/')), { kind: 'malformed' }, said.slice(0, 60));
  }
});

test('RFC 9112 §9.3.1: a GET on a connection closed meanwhile is sent once more', async (context) => {
  let connections = 0;
  const url = await rawServer(context, (socket) => {
    connections++;
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    // The second request on this connection meets a server that has just gone.
    socket.once('data', () => socket.resetAndDestroy());
  });
  const client = httpClient(url);
  for (let poll = 0; poll < 3; poll++) {
    const response = await client(request('GET', '/'));
    assert.equal((await collect(response.body, 10)).length, 2);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(connections, 3);
  // What changes something is never sent twice: nobody knows how much of it has been done.
  await assert.rejects(client(request('POST', '/')), { kind: 'no-answer' });
  assert.equal(connections, 3);
});

test('a mistake of the caller is not blamed on the network', async (context) => {
  const server = await served(context, async () => ({ status: 'ok', body: emptyBody }));
  const client = httpClient(server.url);
  assert.throws(() => httpClient('ftp://localhost'), /expected a URL with http: or https:, found ftp:/);
  await assert.rejects(client(request('GET', '/', { headers: { 'x-a': 'b\r\nc' } })), TypeError);
  const headers = { 'content-length': '100' };
  await assert.rejects(client(request('PUT', '/', { headers, body: chunks(1, 50) })), RangeError);
  await assert.rejects(client(request('PUT', '/', { headers, body: chunks(3, 50) })), RangeError);
  const gone = AbortSignal.abort(new Error('too late'));
  await assert.rejects(client(request('GET', '/', { signal: gone })), { message: 'too late' });
});

test('a discarded body frees its connection', async (context) => {
  const server = await served(context, async () => ({ status: 'ok', body: chunks(1000, 65_536) }));
  const client = httpClient(server.url, { maxSockets: 1 });
  for (let turn = 0; turn < 3; turn++) await discard((await client(request('GET', '/'))).body);
});

test('a failed answer frees its connection even where nobody reads why', async (context) => {
  const long = await served(context, async () => ({ status: 'not-found', body: chunks(100, 65_536) }));
  const short = await served(context, async () => ({ status: 'conflict', body: chunks(1, 100) }));
  for (const [server, status, length] of [
    [long, 'not-found', 0],
    [short, 'conflict', 100],
  ] as const) {
    const client = httpClient(server.url, { maxSockets: 1 });
    for (let turn = 0; turn < 3; turn++) {
      const response = await client(request('GET', '/'));
      assert.equal(response.status, status);
      assert.equal(wholeBytes(response.body)?.length, length);
    }
  }
});

test('the signal of a request also ends the reading of its answer', async (context) => {
  const server = await served(context, async () => ({ status: 'ok', body: chunks(100_000, 65_536) }));
  const controller = new AbortController();
  const response = await httpClient(server.url)(request('GET', '/', { signal: controller.signal }));
  const reading = collect(response.body, 1e10);
  controller.abort(new Error('enough'));
  await assert.rejects(reading, { message: 'enough' });
});

test('RFC 9019 §7: a server is believed only with a trusted certificate that names it', async (context) => {
  const { cert, key } = selfSigned('localhost');
  const onlyEmpty: Handler = async () => ({ status: 'ok', body: emptyBody });
  const server = createServer({ cert, key }, httpListener(onlyEmpty, { onBug: noBug }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const ask = (host: string, ca?: string) =>
    httpClient(`https://${host}:${address.port}`, ca === undefined ? {} : { ca })(request('GET', '/'));
  assert.equal((await ask('localhost', cert)).status, 'ok');
  await assert.rejects(ask('localhost'), { name: 'TransportError', kind: 'refused' });
  await assert.rejects(ask('127.0.0.1', cert), { name: 'TransportError', kind: 'refused' });
  const plain = httpClient(`http://127.0.0.1:${address.port}`);
  await assert.rejects(plain(request('GET', '/')), { name: 'TransportError' });
});
