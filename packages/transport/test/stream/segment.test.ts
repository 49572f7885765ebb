/** What the ends of a narrow link say to each other, and what anybody else may say to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesBody, collect, request } from '@lapel/transport';
import type { Chunks, Segment } from '@lapel/transport/stream';
import { decodeSegment, encodeSegment, onRadio, streamPeer, streamTimings } from '@lapel/transport/stream';
import { noBug } from '../bodies.ts';
import { seeded, underSeeds } from '../coap/lossy-link.ts';
import { imageOf, resources } from '../coap/resources.ts';
import { narrowLink } from './narrow-link.ts';

const byte = fc.integer({ min: 1, max: 255 });
const number = fc.integer({ min: 0, max: 0xffff });
const plain = { noNullPrototype: true };
const poll = fc.integer({ min: 0, max: 15 });
const segments: fc.Arbitrary<Segment> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('greeting' as const),
      from: byte,
      to: fc.integer({ min: 0, max: 255 }),
      first: number,
      window: fc.integer({ min: 1, max: 32 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('data' as const),
      poll,
      to: byte,
      number,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 240 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('state' as const),
      poll,
      to: byte,
      next: number,
      there: fc.integer({ min: 0, max: 0xffff_ffff }),
    },
    plain,
  ),
);

test('S2-11: a segment is read as it was written', () => {
  fc.assert(
    fc.property(segments, (segment) => assert.deepEqual(decodeSegment(encodeSegment(segment)), segment)),
  );
});

test('S2-11: of any bytes a segment is read or nothing, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const found = decodeSegment(bytes);
      if (found !== undefined) assert.deepEqual(decodeSegment(encodeSegment(found)), found);
    }),
  );
});

test('S2-11: a chunk of a radio in which a bit has changed, or that is cut, does not arrive', async () => {
  let onAir = new Uint8Array();
  let take: (chunk: Uint8Array) => void = () => undefined;
  const arrived: Uint8Array[] = [];
  const radio: Chunks = {
    bytesMax: 20,
    send: async (bytes) => void (onAir = bytes.slice()),
    listen: (listener) => void (take = listener),
  };
  const chunks = onRadio(radio);
  chunks.listen((chunk) => arrived.push(chunk));
  await chunks.send(Uint8Array.of(1, 2, 3));
  for (let bit = 0; bit < 8 * onAir.length; bit++) {
    const changed = onAir.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    take(changed);
  }
  for (let length = 0; length < onAir.length; length++) take(onAir.subarray(0, length));
  assert.deepEqual(arrived, []);
  take(onAir);
  assert.deepEqual(arrived, [Uint8Array.of(1, 2, 3)]);
});

test('S2-11: whoever writes anything to a link costs time, and no body is another for it', () =>
  underSeeds(3, async (seed) => {
    const link = narrowLink(seed, 51, { delayMs: [5, 20] });
    const random = seeded(seed + 1);
    const image = imageOf(4_000);
    const { handler } = resources(new Map([['image', { bytes: image }]]));
    const common = { clock: link.clock, random: link.random, timing: streamTimings.nearby, onBug: noBug };
    const takers: ((chunk: Uint8Array) => void)[] = [];
    /** The same as the link's end, with somebody beside it who says what he likes. */
    const overheard = ({ send, bytesMax, listen }: Chunks): Chunks => ({
      bytesMax,
      send,
      listen: (take) => {
        takers.push(take);
        listen(take);
      },
    });
    const [here, there] = link.ends.map(overheard);
    assert.ok(here && there);
    const server = streamPeer({ ...common, chunks: there, serve: handler });
    const client = streamPeer({ ...common, chunks: here });
    const over = new AbortController();
    const garbage = async () => {
      while (!over.signal.aborted) {
        await link.clock.sleep(300);
        const chunk = random.bytes(1 + Math.floor(random.fraction() * 51));
        // Greetings and states of the right shape among them: the checksum is not what protects here.
        if (random.fraction() < 0.5) chunk[0] = random.fraction() < 0.5 ? 0x10 : 0x30;
        for (const take of takers) take(chunk.slice(0, random.fraction() < 0.5 ? 6 : 51));
      }
    };
    const noise = garbage();
    for (let tries = 0; tries < 20; tries++) {
      const found = await client
        .ask(request('GET', '/whole/image'))
        .then(({ body }) => collect(body, 10_000))
        .catch((error: Error) => error);
      if (found instanceof Error) assert.equal(found.name, 'TransportError');
      else assert.deepEqual(found, image);
    }
    over.abort();
    await noise;
    client.close();
    server.close();
  }));

test('S2-11: an end that reads no more is not sent more than its window', async () => {
  const link = narrowLink(5, 51);
  const common = { clock: link.clock, random: link.random, timing: streamTimings.nearby, onBug: noBug };
  let waiting: (() => void)[] = [];
  const server = streamPeer({
    ...common,
    chunks: link.ends[1],
    serve: async () => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { status: 'ok', body: bytesBody(Uint8Array.of(1)) };
    },
  });
  const client = streamPeer({ ...common, chunks: link.ends[0] });
  const asked = Array.from({ length: 60 }, () => client.ask(request('GET', '/slow-resource-with-a-name')));
  await link.clock.sleep(10_000);
  // As many as a device serves at once, and what the last chunk has brought with it; the rest waits there.
  assert.ok(waiting.length >= 8 && waiting.length <= 10, `${waiting.length} are served`);
  while (waiting.length > 0) {
    const served = waiting;
    waiting = [];
    for (const go of served) go();
    await link.clock.sleep(2_000);
  }
  for (const each of asked) assert.equal((await each).status, 'ok');
  client.close();
  server.close();
});
