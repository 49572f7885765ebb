/**
 * One envelope and one device, by every road: what is in the flash afterwards is the same, byte for byte.
 */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { serverSource } from '@lapel/device';
import type { Clock, Handler } from '@lapel/transport';
import { bytesBody, collect, request, systemClock } from '@lapel/transport';
import type { Chunks, PeerTiming } from '@lapel/transport/stream';
import { onLine, onRadio, streamPeer, streamTimings, within } from '@lapel/transport/stream';
import { simulatedClock } from '../src/clock.ts';
import { live } from '../src/device-life.ts';
import { deviceClass, vendor } from '../src/firmware.ts';
import { norFlash } from '../src/flash.ts';
import type { Parties } from '../src/flow-parties.ts';
import { className, gatherParties, onBug, origin, publishNew } from '../src/flow-parties.ts';
import { messageTrace } from '../src/message-trace.ts';
import { narrowLine } from '../src/narrow-line.ts';
import { seededRandom } from '../src/random.ts';
import { roads } from './roads.ts';

interface Way {
  readonly handler: Handler;
  readonly clock: Clock;
}

type Road = (context: TestContext, parties: Parties, manifest: string) => Promise<Way>;

/** By sockets, in real time. */
const overSockets =
  (name: string): Road =>
  async (context, { server }) => {
    const road = roads.find((each) => each.name === name);
    assert.ok(road);
    return { handler: await road.carry(context, server.handler), clock: systemClock };
  };

interface Narrow {
  readonly bytesMax: number;
  readonly delayMs: readonly [number, number];
  readonly timing: PeerTiming;
  readonly made: (end: Chunks, clock: Clock) => Chunks;
}

const overNarrow =
  ({ timing, made, ...kind }: Narrow): Road =>
  async (_, { server }) => {
    const [clock, random] = [simulatedClock(), seededRandom(31)];
    const { ends } = narrowLine({ ...kind, clock, random, loss: 0.01, copies: 0.01 });
    const [far, near] = ends.map((end) => made(end, clock));
    assert.ok(far && near);
    const common = { clock, random, timing, onBug };
    streamPeer({ ...common, chunks: far, serve: server.handler });
    return { handler: streamPeer({ ...common, chunks: near }).ask, clock };
  };

/** A stick holds what a firmware server holds; the device reads it where it would have asked. */
const fromStick: Road = async (context, { server, image }, manifest) => {
  const stick = await mkdtemp(join(tmpdir(), 'lapel-stick-'));
  context.after(() => rm(stick, { recursive: true }));
  const put = async (path: string, bytes: Uint8Array) => {
    await mkdir(dirname(join(stick, path)), { recursive: true });
    await writeFile(join(stick, path), bytes);
  };
  await put(`payloads/${hex(digest('sha-256', image))}`, image);
  const { body } = await server.handler(request('GET', `/manifests/${manifest}`));
  await put('latest', await collect(body, 4_096));
  return {
    clock: systemClock,
    handler: async ({ path }) => {
      const file = path.startsWith('/latest/') ? 'latest' : path.slice(1);
      const bytes = new Uint8Array(await readFile(join(stick, file)));
      return { status: 'ok', etag: manifest, size: bytes.length, body: bytesBody(bytes) };
    },
  };
};

const table: Readonly<Record<string, Road>> = {
  HTTP: overSockets('HTTP'),
  CoAP: overSockets('CoAP'),
  'CoAP over TCP': overSockets('CoAP over TCP'),
  'a serial line': overNarrow({
    ...{ bytesMax: 64, delayMs: [2, 2], timing: streamTimings.line },
    made: (end) =>
      onLine({
        async write(bytes) {
          for (let at = 0; at < bytes.length; at += 64) await end.send(bytes.subarray(at, at + 64));
        },
        listen: (take) => end.listen(take),
      }),
  }),
  'a radio of 20 bytes': overNarrow({
    ...{ bytesMax: 20, delayMs: [8, 30], timing: streamTimings.nearby },
    made: onRadio,
  }),
  'a radio of 51 bytes, within its duty cycle': overNarrow({
    ...{ bytesMax: 51, delayMs: [500, 2_000], timing: streamTimings.wideArea },
    made: (end, clock) => within({ bytesPerHour: 36_000, burstBytes: 500 }, clock, onRadio(end)),
  }),
  'a file': fromStick,
};

test('S4-31: by HTTP, CoAP, line, radio or file, the flash is the same in the end', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-roads-'));
  context.after(() => rm(folder, { recursive: true }));
  const parties = await gatherParties({ folder });
  const manifest = await publishNew(parties, messageTrace());
  const before = parties.flash.dump();
  const results = new Map<string, string>();
  for (const [name, road] of Object.entries(table)) {
    const flash = norFlash({ geometry: parties.profile.layout.geometry, content: before });
    const { handler, clock } = await road(context, parties, manifest);
    const done = new AbortController();
    await live(
      {
        ...{ flash, profile: parties.profile, clock, random: seededRandom(1), pollMs: 50 },
        network: (asked) => (asked === origin ? handler : undefined),
        behaviour: () => 'sound',
        onStep: (step) => step === 'confirmed' && done.abort(new Error('the update has ended')),
        connect: (_, running) =>
          serverSource({
            ...{ handler, origin, vendor, class: deviceClass(className), envelopeBytesMax: 4_096 },
            running: running.manifest.digest.bytes,
          }),
      },
      done.signal,
    );
    results.set(name, hex(digest('sha-256', flash.dump())));
  }
  const [first] = results.values();
  assert.deepEqual(results, new Map(Object.keys(table).map((name) => [name, first])));
  assert.notEqual(first, hex(digest('sha-256', before)));
});
