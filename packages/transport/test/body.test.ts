/** Bodies: what is collected, what is refused, what is let go. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { test } from 'node:test';
import { bytesBody, collect, discard, emptyBody, receive, request, wholeBytes } from '@lapel/transport';
import { chunks, utf8 } from './bodies.ts';

test('§16: what is collected is what was sent, chunk by chunk', async () => {
  const collected = await collect(chunks(5, 10_000), 50_000);
  assert.equal(collected.length, 50_000);
  for (let index = 0; index < 5; index++) assert.equal(collected[index * 10_000 + 9_999], index);
  assert.deepEqual(await collect(emptyBody, 0), new Uint8Array(0));
  assert.deepEqual(await collect(bytesBody(utf8('lamp')), 4), utf8('lamp'));
});

test('a body is refused at the chunk that crosses the limit, and no more is pulled', async () => {
  let pulled = 0;
  const body = chunks(1_000_000, 100, () => pulled++);
  await assert.rejects(collect(body, 250), {
    name: 'TransportError',
    kind: 'malformed',
    message: 'expected a body of at most 250 bytes, found more',
  });
  assert.equal(pulled, 3);
});

test('a request beyond the limit is its own problem, told before its body is read', async () => {
  let pulled = 0;
  const declared = request('POST', '/manifests', {
    headers: { 'content-length': '300' },
    body: chunks(3, 100, () => pulled++),
  });
  await assert.rejects(receive(declared, 250), { name: 'Problem', code: 'too-large' });
  assert.equal(pulled, 0);
  const undeclared = request('POST', '/manifests', { body: chunks(3, 100) });
  await assert.rejects(receive(undeclared, 250), { name: 'Problem', code: 'too-large' });
  assert.equal((await receive(request('POST', '/manifests', { body: chunks(3, 100) }), 300)).length, 300);
});

test('one-byte chunks cost little more than their content', async () => {
  const one = new Uint8Array(1);
  async function* drip() {
    for (let index = 0; index < 200_000; index++) yield one;
  }
  const before = process.memoryUsage().arrayBuffers;
  const collected = await collect(drip(), 2_000_000);
  assert.equal(collected.length, 200_000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000);
});

test('a body in memory tells its bytes, a stream does not', () => {
  const bytes = utf8('lamp');
  assert.equal(wholeBytes(bytesBody(bytes)), bytes);
  assert.equal(wholeBytes(chunks(1, 1)), undefined);
});

test('a discarded body is closed, whether or not it was begun', async () => {
  let closed = false;
  const body = (async function* () {
    try {
      yield utf8('a');
      yield utf8('b');
    } finally {
      closed = true;
    }
  })();
  await body.next();
  await discard(body);
  assert.ok(closed);
  const file = createReadStream(new URL(import.meta.url));
  await discard(file);
  assert.ok(file.destroyed);
});
