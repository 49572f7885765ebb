import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Handler, Response } from '@lapel/transport';
import {
  PortInUse,
  bytesBody,
  collect,
  emptyBody,
  httpClient,
  httpServerLimits,
  receive,
  request,
  serveHttp,
} from '@lapel/transport';
import { chunks, noBug, rawClient, served, text, utf8 } from './bodies.ts';

const empty: Handler = async () => ({ status: 'ok', body: emptyBody });

test('a path that a file system or a proxy could read differently is refused', async (context) => {
  const server = await served(context, async () => assert.fail('no Handler may see this path'));
  const targets = [
    ...'/../etc/passwd /a/./b /%2e%2e/x /a%2Fb /a%5Cb /a\\b /a%00 /%0d%0aX /a//b /a/ /%ff /% /%zz'.split(' '),
    'http://elsewhere/x',
    `/${'a'.repeat(3000)}`,
    '/x?a=1&a=2',
    `/x?${Array.from({ length: 40 }, (_, index) => `a${index}=1`).join('&')}`,
  ];
  for (const target of targets) {
    const sent = `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    const answer = await rawClient(server.port, sent);
    assert.match(answer, /^HTTP\/1.1 400 /, target);
    assert.match(
      answer,
      /"code":"bad-request"|^HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n$/,
      target,
    );
  }
});

test('an unknown method is refused', async (context) => {
  const server = await served(context, async () => assert.fail('no Handler may see this method'));
  for (const method of ['PATCH', 'TRACE', 'OPTIONS', 'PROPFIND']) {
    const answer = await rawClient(
      server.port,
      `${method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1.1 405 /, method);
  }
});

test('house rule 8: a header beyond its limit is refused', async (context) => {
  const server = await served(context, empty);
  const long = `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(httpServerLimits.headerBytesMax)}\r\n\r\n`;
  assert.match(await rawClient(server.port, long), /^HTTP\/1.1 431 /);
});

test('house rule 8: a client that never ends its header is cut off', async (context) => {
  const server = await served(context, empty, { limits: { headersTimeoutMs: 100 } });
  const answer = await rawClient(server.port, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ');
  assert.match(answer, /^HTTP\/1.1 408 /);
});

test('house rule 8: a client that falls silent within its body is cut off', async (context) => {
  const failed = Promise.withResolvers<unknown>();
  const handler: Handler = async (asked) => {
    await receive(asked, 1000).catch(failed.resolve);
    return { status: 'ok', body: emptyBody };
  };
  const server = await served(context, handler, { limits: { idleTimeoutMs: 100 } });
  assert.equal(
    await rawClient(server.port, 'PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc'),
    '',
  );
  assert.match(String(await failed.promise), /expected 100 bytes of the body, found 3/);
});

test('house rule 8: a client that stops reading is cut off', async (context) => {
  const closed = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (;;) yield new Uint8Array(65_536);
    } finally {
      closed.resolve();
    }
  }
  const handler: Handler = async () => ({ status: 'ok', body: endless() });
  const server = await served(context, handler, { limits: { idleTimeoutMs: 100 } });
  const socket = connect(server.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  socket.on('error', () => undefined);
  context.after(() => socket.destroy());
  await closed.promise;
});

test('house rule 8: where all wait for answers, no connection beyond the limit is taken', async (context) => {
  const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const handler: Handler = async () => {
    begun.resolve();
    await over.promise;
    return { status: 'ok', body: emptyBody };
  };
  const server = await served(context, handler, { limits: { connectionsMax: 1 } });
  const asked = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
  const first = rawClient(server.port, asked);
  await begun.promise;
  const second = rawClient(server.port, asked).catch((error: unknown) => String(error));
  assert.doesNotMatch(await second, /HTTP/);
  over.resolve();
  assert.match(await first, /^HTTP\/1.1 200 /);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const [slowHeader, slowBody] = [
  'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ',
  'PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n',
];
for (const [what, sent] of [
  ['headers', slowHeader],
  ['bodies', slowBody],
] as const)
  test(`S1-11: hundreds that drip their ${what} shut nobody out, and go with a 408`, async (context) => {
    const connectionsMax = 20;
    const receiving: Handler = async (asked) => {
      await receive(asked, 1000);
      return { status: 'ok', body: emptyBody };
    };
    const server = await served(context, receiving, { limits: { connectionsMax } });
    const said: string[] = [];
    for (let wave = 0; wave < 10; wave++) {
      const slow = Array.from({ length: 30 }, () => connect(server.port, '127.0.0.1'));
      await Promise.all(
        slow.map(async (socket) => {
          context.after(() => socket.destroy());
          let heard = '';
          socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
          socket.on('error', () => undefined);
          socket.once('close', () => void said.push(heard));
          await new Promise((resolve) => socket.once('connect', resolve));
          for (const part of [sent, 'a', 'b']) socket.write(part);
        }),
      );
      const response = await httpClient(server.url)(request('GET', '/'));
      assert.equal(response.status, 'ok');
      await collect(response.body, 10);
    }
    const deadline = AbortSignal.timeout(10_000);
    while (said.length < 300 - connectionsMax && !deadline.aborted) await turn();
    assert.ok(said.length >= 300 - connectionsMax, `${said.length} have gone`);
    const told = said.filter((answer) => answer.startsWith('HTTP/1.1 408 ')).length;
    assert.ok(told > said.length / 2, `${told} of ${said.length} were told why`);
  });

test('the signal of a request fires when its client goes away', async (context) => {
  const aborted = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const handler: Handler = async ({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve());
    begun.resolve();
    await aborted.promise;
    return { status: 'ok', body: emptyBody };
  };
  const server = await served(context, handler);
  const controller = new AbortController();
  const answer = httpClient(server.url)(request('GET', '/', { signal: controller.signal }));
  await begun.promise;
  controller.abort(new Error('enough'));
  await assert.rejects(answer, { message: 'enough' });
  await aborted.promise;
});

test('a refused upload is told so in the middle of it, and does not go on', async (context) => {
  const refusing: Handler = async (asked): Promise<Response> => {
    for await (const chunk of asked.body) {
      if (chunk.length > 0) break;
    }
    return { status: 'storage-full', body: bytesBody(utf8('full')) };
  };
  const server = await served(context, refusing);
  const client = httpClient(server.url);
  let pulled = 0;
  for (let attempt = 0; attempt < 5; attempt++) {
    const response = await client(request('PUT', '/', { body: chunks(100_000, 65_536, () => pulled++) }));
    assert.equal(response.status, 'storage-full');
    assert.equal((await collect(response.body, 10)).length, 4);
  }
  assert.ok(pulled < 5_000, `expected the upload to stop, found ${pulled} chunks sent`);
});

test('house rule 8: a client that goes on after its refusal is cut off in the end', async (context) => {
  const server = await served(context, async () => ({ status: 'forbidden', body: emptyBody }));
  const client = connect(server.port, '127.0.0.1');
  client.on('error', () => undefined);
  client.write(`PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 40}\r\n\r\n`);
  const chunk = Buffer.alloc(1024 * 1024);
  let sent = 0;
  const cut = new Promise((resolve) => client.once('close', resolve));
  const more = () => {
    while (!client.destroyed && client.write(chunk)) sent += chunk.length;
  };
  client.on('drain', more).on('data', () => undefined);
  more();
  await cut;
  assert.ok(sent < 64 * 1024 * 1024, `expected an end after some 16 MiB, found ${sent} bytes sent`);
});

test('a mistake of a Handler is answered without its words, a broken body by a cut', async (context) => {
  const bugs = new Set<string>();
  const handlers: Readonly<Record<string, Handler>> = {
    '/throws': async () => assert.fail('swordfish'),
    '/header': async () => ({ status: 'ok', headers: { 'x-a': 'b\r\nc' }, body: emptyBody }),
    '/short': async () => ({ status: 'ok', size: 100, body: chunks(1, 50) }),
    '/long': async () => ({ status: 'ok', size: 100, body: chunks(3, 50) }),
  };
  const handler: Handler = (asked) => handlers[asked.path]?.(asked) ?? empty(asked);
  const server = await served(context, handler, { onBug: (error) => bugs.add(String(error)) });
  const client = httpClient(server.url);
  const read = async (path: string) => {
    const response = await client(request('GET', path));
    return { status: response.status, content: text(await collect(response.body, 1000)) };
  };
  for (const path of ['/throws', '/header']) {
    const { status, content } = await read(path);
    assert.equal(status, 'internal-error');
    assert.doesNotMatch(content, /swordfish/);
  }
  for (const path of ['/short', '/long']) {
    await assert.rejects(read(path), { name: 'TransportError', kind: 'no-answer' });
  }
  assert.equal(bugs.size, 4);
});

test('a port in use is told apart from every other failure', async (context) => {
  const server = await served(context, empty);
  await assert.rejects(serveHttp(empty, { port: server.port, onBug: noBug }), (error) => {
    assert.ok(error instanceof PortInUse);
    assert.equal(error.port, server.port);
    assert.equal(error.message, `expected port ${server.port} to be free, found it in use`);
    return true;
  });
});

test('a closing server lets an exchange end, but not for ever', async (context) => {
  const begun = Promise.withResolvers<void>();
  const server = await served(context, async ({ path }) => {
    begun.resolve();
    if (path === '/never') await new Promise(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    return { status: 'ok', body: emptyBody };
  });
  const client = httpClient(server.url);
  const ending = client(request('GET', '/ends'));
  const hanging = assert.rejects(client(request('GET', '/never')), { kind: 'no-answer' });
  await begun.promise;
  assert.equal((await ending).status, 'ok');
  await server.close(50);
  await hanging;
  await assert.rejects(client(request('GET', '/ends')), { kind: 'unreachable' });
});
