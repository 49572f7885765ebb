import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Handler } from '@lapel/transport';
import { emptyBody, httpClient, request } from '@lapel/transport';
import { chunks, served } from './bodies.ts';

const chunkBytes = 256 * 1024;
const chunkCount = 1024;
/**
 * What may be under way: the buffers of two streams and of two ends of a connection. An image has 256 MiB.
 */
const aheadBytesMax = 24 * 1024 * 1024;

test('§16: a download of 256 MiB goes at the pace of its reader, never held whole', async (context) => {
  const way = measured();
  const client = await clientOf(context, async () => ({ status: 'ok', body: way.source() }));
  const { body } = await client(request('GET', '/'));
  await way.drain(body);
});

test('§16: an upload of 256 MiB goes at the pace of its reader, never held whole', async (context) => {
  const way = measured();
  const client = await clientOf(context, async (asked) => {
    await way.drain(asked.body);
    return { status: 'created', body: emptyBody };
  });
  const response = await client(request('PUT', '/', { body: way.source() }));
  assert.equal(response.status, 'created');
});

const clientOf = async (context: TestContext, handler: Handler) =>
  httpClient((await served(context, handler)).url);

/** A source and a slow drain that know how far the one is ahead of the other. */
function measured() {
  let sent = 0;
  let received = 0;
  return {
    source: () => chunks(chunkCount, chunkBytes, () => (sent += chunkBytes)),
    drain: async (body: AsyncIterable<Uint8Array>) => {
      let ahead = 0;
      for await (const chunk of body) {
        received += chunk.length;
        ahead = Math.max(ahead, sent - received);
        // Lets the sender run ahead, as far as it can.
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(received, chunkCount * chunkBytes);
      assert.ok(ahead < aheadBytesMax, `expected at most ${aheadBytesMax} bytes under way, found ${ahead}`);
    },
  };
}
