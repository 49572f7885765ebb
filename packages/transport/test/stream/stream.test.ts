/**
 * The one exchange over narrow links: serial lines, radios of 20 and of 51 bytes, with all that befalls
 * them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect, request } from '@lapel/transport';
import type { Chunks, PeerTiming, StreamPeerOptions } from '@lapel/transport/stream';
import { onLine, onRadio, streamPeer, streamTimings, within } from '@lapel/transport/stream';
import { noBug } from '../bodies.ts';
import { underSeeds } from '../coap/lossy-link.ts';
import { imageOf, resources } from '../coap/resources.ts';
import type { NarrowLink } from './narrow-link.ts';
import { asLine, narrowLink } from './narrow-link.ts';

const image = imageOf(6_000);
const served = () => resources(new Map([['image', { bytes: image, etag: 'v1' }]]));

interface Kind {
  readonly name: string;
  readonly bytesMax: number;
  readonly timing: PeerTiming;
  readonly delayMs: readonly [number, number];
  made(radio: Chunks, link: NarrowLink): Chunks;
}

const duty = { bytesPerHour: 36_000, burstBytes: 200 };

const kinds: readonly Kind[] = [
  {
    name: 'a serial line',
    bytesMax: 64,
    timing: streamTimings.line,
    // A line swaps nothing; what it loses or doubles are pieces of frames.
    delayMs: [5, 5],
    made: (radio) => onLine(asLine(radio)),
  },
  {
    name: 'a radio of 20 bytes',
    bytesMax: 20,
    timing: streamTimings.nearby,
    delayMs: [10, 60],
    made: onRadio,
  },
  {
    name: 'a radio of 51 bytes and a duty cycle of 36000 bytes an hour',
    bytesMax: 51,
    timing: streamTimings.wideArea,
    delayMs: [500, 2_000],
    made: (radio, { clock }) => within(duty, clock, onRadio(radio)),
  },
];

function pair(kind: Kind, link: NarrowLink, handler: Handler, given: Partial<StreamPeerOptions> = {}) {
  const [here, there] = link.ends;
  const common = { clock: link.clock, random: link.random, timing: kind.timing, onBug: noBug };
  const server = () => streamPeer({ ...common, chunks: kind.made(there, link), serve: handler });
  return { client: streamPeer({ ...common, chunks: kind.made(here, link), ...given }), server };
}

for (const kind of kinds) {
  test(`S4-31, S2-11: over ${kind.name}, chunks are lost, doubled and swapped, and bodies are whole`, () =>
    underSeeds(2, async (seed) => {
      const weather = { loss: 0.1, copies: 0.1, delayMs: kind.delayMs };
      const link = narrowLink(seed, kind.bytesMax, weather);
      const { handler, uploads } = served();
      const { client, server } = pair(kind, link, handler);
      const other = server();
      const { status, body } = await client.ask(request('GET', '/ranged/image'));
      assert.equal(status, 'ok');
      assert.deepEqual(await collect(body, 10_000), image);
      const sent = request('POST', '/uploads', { body: bytesBody(image.subarray(0, 3_000)) });
      assert.equal((await client.ask(sent)).status, 'changed');
      assert.deepEqual(uploads, [image.slice(0, 3_000)]);
      client.close();
      other.close();
    }));

  test(`S2-11: over ${kind.name}, a link that is cut goes on at its chunk, wherever it was cut`, () =>
    underSeeds(2, async (seed) => {
      const link = narrowLink(seed, kind.bytesMax, { delayMs: kind.delayMs });
      const { client, server } = pair(kind, link, served().handler);
      const other = server();
      const whole = client.ask(request('GET', '/ranged/image')).then(({ body }) => collect(body, 10_000));
      // Off for a while, again and again; never for as long as means that the other end is gone.
      for (let cut = 0; cut < 6; cut++) {
        await link.clock.sleep(link.random.fraction() * 20 * kind.timing.answerMs);
        link.isUp = false;
        await link.clock.sleep(link.random.fraction() * 0.2 * kind.timing.silenceMsMax);
        link.isUp = true;
      }
      assert.deepEqual(await whole, image);
      client.close();
      other.close();
    }));
}

test('S4-31: a duty cycle is held, whatever is asked', async () => {
  const [kind] = kinds.slice(2);
  assert.ok(kind);
  const link = narrowLink(7, kind.bytesMax, { delayMs: kind.delayMs });
  const { client, server } = pair(kind, link, served().handler);
  const other = server();
  await client.ask(request('GET', '/ranged/image')).then(({ body }) => collect(body, 10_000));
  for (const from of ['a', 'b']) {
    const own = link.sent.filter((each) => each.from === from);
    const total = own.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const tookMs = (own.at(-1)?.atMs ?? 0) - (own[0]?.atMs ?? 0);
    const allowed = duty.burstBytes + (duty.bytesPerHour * tookMs) / 3_600_000 + kind.bytesMax;
    // The four bytes of each checksum are the radio's.
    assert.ok(total - 4 * own.length <= allowed, `${from} sent ${total} of ${allowed} bytes`);
  }
  client.close();
  other.close();
});

test('S2-11: an end that starts anew is noticed at once, and who asked is told', () =>
  underSeeds(3, async (seed) => {
    const [kind] = kinds;
    assert.ok(kind);
    const link = narrowLink(seed, kind.bytesMax, { loss: 0.05, delayMs: kind.delayMs });
    const { client, server } = pair(kind, link, () => new Promise(() => undefined));
    const first = server();
    const asked = client.ask(request('GET', '/'));
    asked.catch(() => undefined);
    await link.clock.sleep(2_000);
    first.close();
    const common = { clock: link.clock, random: link.random, timing: kind.timing, onBug: noBug };
    const startMs = link.clock.monotonicMs();
    const second = streamPeer({
      ...common,
      chunks: kind.made(link.ends[1], link),
      serve: served().handler,
    });
    await assert.rejects(second.ask(request('GET', '/')), { kind: 'no-answer' });
    await assert.rejects(asked, { kind: 'no-answer' });
    assert.ok(link.clock.monotonicMs() - startMs < kind.timing.silenceMsMax);
    const { body } = await client.ask(request('GET', '/ranged/image'));
    assert.deepEqual(await collect(body, 10_000), image);
    client.close();
    second.close();
  }));

test('S2-11: where nobody answers, a request ends as unanswered, and the next one tries again', async () => {
  const [kind] = kinds;
  assert.ok(kind);
  const link = narrowLink(3, kind.bytesMax);
  const { client, server } = pair(kind, link, served().handler);
  await assert.rejects(client.ask(request('GET', '/ranged/image')), { kind: 'no-answer' });
  const other = server();
  const { body } = await client.ask(request('GET', '/ranged/image'));
  assert.deepEqual(await collect(body, 10_000), image);
  link.isUp = false;
  await assert.rejects(client.ask(request('GET', '/ranged/image')), { kind: 'no-answer' });
  link.isUp = true;
  assert.equal((await client.ask(request('GET', '/nothing'))).status, 'not-found');
  client.close();
  other.close();
});

test('S2-11: both ends ask and answer over one link', () =>
  underSeeds(3, async (seed) => {
    const [, kind] = kinds;
    assert.ok(kind);
    const link = narrowLink(seed, kind.bytesMax, { loss: 0.05, copies: 0.05, delayMs: kind.delayMs });
    const common = { clock: link.clock, random: link.random, timing: kind.timing, onBug: noBug };
    const ends = link.ends.map((end) =>
      streamPeer({ ...common, chunks: kind.made(end, link), serve: served().handler }),
    );
    const bodies = await Promise.all(
      ends.map(async ({ ask }) => collect((await ask(request('GET', '/stream/image'))).body, 10_000)),
    );
    for (const found of bodies) assert.deepEqual(found, image);
    for (const each of ends) each.close();
  }));
