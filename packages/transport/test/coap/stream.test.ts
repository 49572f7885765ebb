/** CoAP over TCP: the same exchanges, framed by their length; whoever breaks the frame is told and left. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Handler } from '@lapel/transport';
import { PortInUse, bytesBody, collect, request, systemClock } from '@lapel/transport';
import type { StreamMessage } from '@lapel/transport/coap';
import {
  coapTcpClient,
  encodeStreamMessage,
  inOrder,
  serveCoapTcp,
  streamReader,
  subscribeByWaiting,
  text as textOption,
  uint,
  uintOption,
} from '@lapel/transport/coap';
import fc from 'fast-check';
import { noBug, text, utf8 } from '../bodies.ts';
import { imageOf, resources } from './resources.ts';

const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const messages: fc.Arbitrary<StreamMessage> = fc.record(
  {
    code: fc.nat(255),
    token: bytes(8),
    options: fc
      .array(fc.record({ number: fc.nat(400), value: bytes(20) }, { noNullPrototype: true }), {
        maxLength: 4,
      })
      .map(inOrder),
    payload: fc.oneof(bytes(20), bytes(400), bytes(70_000)),
  },
  { noNullPrototype: true },
);

test('RFC 8323 §3.2: messages are read as they were written, however the stream cuts them', () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 4 }), fc.integer({ min: 1, max: 3_000 }), (sent, size) => {
      const line = new Uint8Array(Buffer.concat(sent.map(encodeStreamMessage)));
      const reader = streamReader(100_000);
      const found: StreamMessage[] = [];
      for (let at = 0; at < line.length; at += size) found.push(...reader.push(line.subarray(at, at + size)));
      assert.deepEqual(found, sent);
    }),
    { numRuns: 50 },
  );
});

async function serving(context: TestContext, handler: Handler) {
  const subscribe = subscribeByWaiting(handler, systemClock, (path) => path === '/offer');
  const server = await serveCoapTcp(handler, { port: 0, subscribe, onBug: noBug });
  const client = coapTcpClient(server.url);
  context.after(async () => {
    await client.close();
    await server.close();
  });
  return { server, client };
}

test('RFC 8323 §3: a Handler behind TCP answers as over UDP, many at once', async (context) => {
  const images = new Map([['image', { bytes: imageOf(50_000), etag: 'v1' }]]);
  const { handler, uploads } = resources(images);
  const { client, server } = await serving(context, handler);
  const whole = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { body } = await client(request('GET', '/ranged/image'));
      return collect(body, 100_000);
    }),
  );
  for (const found of whole) assert.deepEqual(found, imageOf(50_000));
  const body = bytesBody(imageOf(30_000));
  assert.equal((await client(request('POST', '/uploads', { body }))).status, 'changed');
  assert.deepEqual(uploads, [imageOf(30_000)]);
  assert.equal((await client(request('GET', '/nothing'))).status, 'not-found');
  await assert.rejects(serveCoapTcp(handler, { port: server.port, onBug: noBug }), PortInUse);
});

test('RFC 8323 §7: an observer is told in the order of the stream, and may stop', async (context) => {
  let version = 1;
  let wake: (() => void) | undefined;
  const { client } = await serving(context, async (asked) => {
    const isCurrent = asked.ifNoneMatch === `v${version}`;
    if (asked.query.has('waitMs') && isCurrent) await new Promise<void>((resolve) => (wake = resolve));
    return { status: 'ok', etag: `v${version}`, body: bytesBody(utf8(`version ${version}`)) };
  });
  const seen: string[] = [];
  for await (const { body } of client.subscribe(request('GET', '/offer'))) {
    seen.push(text(await collect(body, 100)));
    if (seen.length === 5) break;
    version += 1;
    wake?.();
  }
  assert.deepEqual(seen, ['version 1', 'version 2', 'version 3', 'version 4', 'version 5']);
  wake?.();
});

test('RFC 8323 §5: a ping is answered; who breaks the frame is told and left', async (context) => {
  const { server } = await serving(context, resources(new Map()).handler);
  const say = (hex: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write(Buffer.from(hex, 'hex')));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString('hex');
        if (answer.includes('e3')) socket.destroy();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  const introduction = '00e1';
  // Our own introduction comes first: a size of 9216, and blocks.
  assert.match(await say(`${introduction}01e2aa`), /^40e122240020.*01e3aa$/);
  for (const [broken, why] of [
    ['0001', /found another message/],
    ['f0ffffffff01', /expected a message of at most 9216 bytes/],
    ['09010000000000000000', /expected a token of at most 8 bytes/],
    [`${introduction}20e11000`, /options that are understood, found 1/],
    [`${introduction}1001ff`, /expected a payload behind its marker/],
  ] as const) {
    const answer = Buffer.from(await say(broken), 'hex').toString('latin1');
    assert.match(answer, why, broken);
    assert.ok(answer.includes('å'), 'an abort');
  }
});

test('RFC 8323 §6: who speaks BERT gets and sends eight blocks in a message; others one', async (context) => {
  const { handler, uploads } = resources(new Map([['image', { bytes: imageOf(50_000), etag: 'v1' }]]));
  const { server } = await serving(context, handler);
  const blockWise = [
    { number: 2, value: Uint8Array.of(0x24, 0) },
    { number: 4, value: new Uint8Array(0) },
  ];
  const sized = [{ number: 2, value: Uint8Array.of(0x24, 0) }];
  const ask = (given: Partial<StreamMessage>, introduction = blockWise) =>
    new Promise<StreamMessage>((resolve, reject) => {
      const message = { code: 1, token: utf8('t'), options: [], payload: new Uint8Array(0) };
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write(encodeStreamMessage({ ...message, code: 0xe1, token: utf8(''), options: introduction }));
        socket.write(encodeStreamMessage({ ...message, ...given }));
      });
      const reader = streamReader(20_000);
      socket.on('data', (chunk) => {
        const answer = reader.push(new Uint8Array(chunk)).find(({ code }) => code < 0xe0);
        if (answer === undefined) return;
        socket.destroy();
        resolve(answer);
      });
      socket.on('error', reject);
    });
  const path = [textOption('uriPath', 'ranged'), textOption('uriPath', 'image')];
  const got = await ask({ options: [...path, uint('block2', 0x87)] });
  assert.deepEqual(got.payload, imageOf(50_000).subarray(8 * 1024, 16 * 1024));
  assert.equal(uintOption(got.options, 'block2'), 0x8f);
  const last = await ask({ options: [...path, uint('block2', 0x2f7)] });
  assert.deepEqual(last.payload, imageOf(50_000).subarray(47 * 1024));
  assert.equal(uintOption(last.options, 'block2'), 0x2f7);
  // Who has not said so sends what has no meaning (RFC 7959 §2.2).
  assert.equal((await ask({ options: [...path, uint('block2', 0x87)] }, sized)).code, 128);
  const upload = [textOption('uriPath', 'uploads'), uint('block1', 0x0f)];
  const sent = await ask({ code: 2, options: upload, payload: imageOf(8 * 1024) });
  assert.deepEqual([sent.code, uintOption(sent.options, 'block1')], [0x5f, 0x0f]);
  assert.equal((await ask({ code: 2, options: upload, payload: imageOf(1_000) })).code, 128);
  assert.deepEqual(uploads, []);
});

test('a server that goes away is no answer, and one that never was is unreachable', async (context) => {
  const { client, server } = await serving(context, () => new Promise(() => undefined));
  const asked = client(request('GET', '/'));
  await systemClock.sleep(100);
  await server.close();
  await assert.rejects(asked, { kind: 'no-answer' });
  await assert.rejects(client(request('GET', '/')), { kind: 'unreachable' });
});

test('S4-19: a connection that brings no answer is given up for another', async (context) => {
  let connections = 0;
  // As a NAT that has forgotten the one: it takes everything, and nothing comes back.
  const silent = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined).resume();
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 30), signal),
  };
  const client = coapTcpClient(`coap+tcp://127.0.0.1:${port}`, { clock });
  context.after(async () => {
    await client.close();
    silent.close();
  });
  await assert.rejects(client(request('GET', '/offer')), /found none/);
  await assert.rejects(
    client.subscribe(request('GET', '/offer'))[Symbol.asyncIterator]().next(),
    /found none/,
  );
  await assert.rejects(client(request('GET', '/offer')), /found none/);
  assert.equal(connections, 3);
});
