/** The cache: one transfer, whatever is asked, whoever lies, however full the disk is. */
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Body, Handler } from '@lapel/transport';
import { discard, httpClient, request } from '@lapel/transport';
import { fetchAll, gatewayBefore, imageOf, originIn } from './world.ts';

const mebibyte = 1024 * 1024;

test('S4-21: two hundred devices that ask at once cost one transfer from upstream', async (context) => {
  const origin = await originIn(context);
  const image = imageOf(300_000, 1);
  const path = `/payloads/${await origin.put(image)}`;
  const { url, gateway } = await gatewayBefore(context, [origin.url]);
  const client = httpClient(url, { maxSockets: 200 });
  const sums = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const response = await client(request('GET', path));
      assert.equal(response.size, image.length);
      let at = 0;
      for await (const chunk of response.body) {
        assert.equal(Buffer.compare(chunk, image.subarray(at, at + chunk.length)), 0);
        at += chunk.length;
      }
      return at;
    }),
  );
  assert.deepEqual(new Set(sums), new Set([image.length]));
  assert.deepEqual(origin.asked, [`GET ${path}`]);
  assert.equal(gateway.standing().cache.transfers, 1);
});

test('S4-21: a device reads while the content arrives, and ranges of it, too', async (context) => {
  const gate = Promise.withResolvers<void>();
  const image = imageOf(mebibyte, 2);
  const origin = await originIn(context, (handler) => async (asked) => {
    const response = await handler(asked);
    return { ...response, body: pausing(response.body, mebibyte / 2, gate.promise) };
  });
  const path = `/payloads/${await origin.put(image)}`;
  const { url } = await gatewayBefore(context, [origin.url]);
  // The first quarter comes before the last one has left the origin.
  const early = await fetchAll(url, path, { start: 0, end: mebibyte / 4 - 1 });
  assert.deepEqual(early, image.subarray(0, mebibyte / 4));
  const late = fetchAll(url, path, { start: mebibyte - 1000 });
  gate.resolve();
  assert.deepEqual(await late, image.subarray(mebibyte - 1000));
  assert.equal(origin.asked.length, 1);
});

test('S4-21: a transfer whose link breaks goes on where it stopped', async (context) => {
  const image = imageOf(mebibyte, 3);
  const ranges: (number | undefined)[] = [];
  const origin = await originIn(context, (handler) => async (asked) => {
    ranges.push(asked.range?.start);
    const response = await handler(asked);
    return ranges.length > 3 ? response : { ...response, body: breaking(response.body, 200_000) };
  });
  const path = `/payloads/${await origin.put(image)}`;
  const { url } = await gatewayBefore(context, [origin.url]);
  assert.deepEqual(await fetchAll(url, path), image);
  assert.equal(ranges[0], undefined);
  assert.ok(
    ranges.slice(1).every((start, index) => (start ?? 0) > (ranges[index] ?? 0)),
    String(ranges),
  );
});

test('S1-10, S4-35: a cache that lies costs one retry at the origin; no lie ends whole', async (context) => {
  for (const length of [5000, mebibyte]) {
    const origin = await originIn(context);
    const image = imageOf(length, 4);
    const path = `/payloads/${await origin.put(image)}`;
    const liar = await originIn(context, lying);
    await liar.put(image);
    const { url, notices } = await gatewayBefore(context, [liar.url, origin.url]);
    // What is short is proven before anybody sees it; what is long breaks off one byte before its end.
    if (length > 64 * 1024) await assert.rejects(fetchAll(url, path), /expected \d+ bytes|found \d+/);
    assert.deepEqual(await fetchAll(url, path), image);
    assert.deepEqual([liar.asked.length, origin.asked.length], [1, 1]);
    assert.match(notices[0] ?? '', /gave something else/);
  }
});

test('S1-10: what a cache lacks, the origin gives; what nobody has leaves no file', async (context) => {
  const origin = await originIn(context);
  const nearby = await originIn(context);
  const image = imageOf(3000, 5);
  const path = `/payloads/${await origin.put(image)}`;
  const { url, folder } = await gatewayBefore(context, [nearby.url, origin.url]);
  assert.deepEqual(await fetchAll(url, path), image);
  assert.deepEqual([nearby.asked.length, origin.asked.length], [1, 1]);
  const missing = await httpClient(url)(request('GET', `/payloads/${'ab'.repeat(32)}`));
  assert.equal(missing.status, 'not-found');
  await discard(missing.body);
  assert.equal((await readdir(join(folder, 'cache'))).length, 1);
});

test('S4-21: after a power cut it goes on where its file ends; what has rotted goes', async (context) => {
  const origin = await originIn(context);
  const image = imageOf(mebibyte, 6);
  const name = await origin.put(image);
  const path = `/payloads/${name}`;
  const { folder, gateway, url } = await gatewayBefore(context, [origin.url]);
  assert.deepEqual(await fetchAll(url, path), image);
  await gateway.close();
  // Half of it, as a process that was killed leaves it.
  const half = await gatewayBefore(context, [origin.url]);
  await half.gateway.close();
  await writeFile(join(half.folder, 'cache', `payloads-${name}.arriving`), image.subarray(0, mebibyte / 2));
  const again = await gatewayBefore(context, [origin.url], { folder: half.folder });
  assert.deepEqual(await fetchAll(again.url, path), image);
  // The half was wrong: it begins anew, and nobody is told that the origin lied.
  const torn = await gatewayBefore(context, [origin.url]);
  await torn.gateway.close();
  await writeFile(join(torn.folder, 'cache', `payloads-${name}.arriving`), new Uint8Array(5000));
  const mended = await gatewayBefore(context, [origin.url], { folder: torn.folder });
  await assert.rejects(fetchAll(mended.url, path)).catch(() => undefined);
  assert.deepEqual(await fetchAll(mended.url, path), image);
  assert.deepEqual(mended.notices, []);
  // A bit of the whole has changed on the disk.
  const rotten = new Uint8Array(image);
  rotten[77] = (rotten[77] ?? 0) ^ 1;
  await writeFile(join(folder, 'cache', `payloads-${name}`), rotten);
  const fresh = await gatewayBefore(context, [origin.url], { folder });
  assert.deepEqual(await fetchAll(fresh.url, path), image);
});

test('S4-21: the disk is bounded: the least used goes, what is being read stays', async (context) => {
  const origin = await originIn(context);
  const images = [0, 1, 2, 3].map((seed) => imageOf(400_000, 10 + seed));
  const paths = [];
  for (const image of images) paths.push(`/payloads/${await origin.put(image)}`);
  const [first = '', second = '', third = '', fourth = ''] = paths;
  const { url, gateway } = await gatewayBefore(context, [origin.url], { cacheBytes: mebibyte });
  for (const path of [first, second, first, third]) await fetchAll(url, path);
  assert.deepEqual(gateway.standing().cache.contents, 2);
  assert.ok(gateway.standing().cache.bytes <= mebibyte);
  origin.asked.length = 0;
  await fetchAll(url, first);
  assert.deepEqual(origin.asked, []);
  // Both are read, slowly: there is no room for a third, and it comes all the same.
  const slow = [];
  for (const path of [first, third]) slow.push(await gateway.handler(request('GET', path)));
  assert.deepEqual(await fetchAll(url, fourth), images[3]);
  assert.equal(gateway.standing().cache.passed, 1);
  for (const { body } of slow) await discard(body);
  assert.deepEqual(await fetchAll(url, fourth), images[3]);
  assert.equal(gateway.standing().cache.passed, 1);
});

test('S1-10: what changes is asked for by its ETag, and outlasts the origin', async (context) => {
  let etag = 'one';
  let isUp = true;
  const asked: (string | undefined)[] = [];
  const origin = await originIn(context, () => async ({ ifNoneMatch }) => {
    asked.push(ifNoneMatch);
    if (!isUp) return { status: 'unavailable', body: none };
    if (ifNoneMatch === etag) return { status: 'valid', etag, body: none };
    return { status: 'ok', etag, size: 3, body: text(etag) };
  });
  const { url } = await gatewayBefore(context, [origin.url]);
  const path = '/latest/aa/bb';
  await Promise.all(Array.from({ length: 50 }, () => fetchAll(url, path)));
  assert.ok(asked.length < 50, `${asked.length}`);
  await fetchAll(url, path);
  assert.equal(asked.at(-1), 'one');
  etag = 'two';
  assert.equal(new TextDecoder().decode(await fetchAll(url, path)), 'two');
  isUp = false;
  assert.equal(new TextDecoder().decode(await fetchAll(url, path)), 'two');
});

const none = text('');

function text(content: string): Body {
  return {
    async *[Symbol.asyncIterator]() {
      if (content !== '') yield new TextEncoder().encode(content);
    },
  };
}

async function* pausing(body: Body, at: number, until: Promise<void>): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const chunk of body) {
    if (sent >= at) await until;
    yield chunk;
    sent += chunk.length;
  }
}

async function* breaking(body: Body, after: number): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const chunk of body) {
    yield chunk.subarray(0, Math.max(0, after - sent));
    sent += chunk.length;
    if (sent >= after) throw new Error('the link breaks');
  }
}

/** Everything as it should be but one bit. */
function lying(handler: Handler): Handler {
  return async (asked) => {
    const response = await handler(asked);
    return { ...response, body: flipped(response.body) };
  };
}

async function* flipped(body: Body): AsyncGenerator<Uint8Array, void> {
  let isFirst = true;
  for await (const chunk of body) {
    const copy = new Uint8Array(chunk);
    if (isFirst) copy[0] = (copy[0] ?? 0) ^ 1;
    isFirst = false;
    yield copy;
  }
}
