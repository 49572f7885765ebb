/**
 * `npm run conformance:bindings`: what devices ask of both servers is answered alike over every binding, and
 * a device that has only one of them updates itself (S1-11).
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import { digest, generateSigningKey } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import { createMemoryStore, createStatusTracker } from '@lapel/status-tracker';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler, Request, Response } from '@lapel/transport';
import {
  bearer,
  bytesBody,
  collect,
  readProblem,
  request,
  systemClock,
  systemRandom,
} from '@lapel/transport';
import { deviceClass, vendor } from '../../src/firmware.ts';
import { className, gatherParties, onBug, publishNew } from '../../src/flow-parties.ts';
import { arrowsWithTracker, flowWithTracker } from '../../src/flow-with-tracker.ts';
import { messageTrace } from '../../src/message-trace.ts';
import { roads } from '../roads.ts';

async function emptyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-roads-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

const bytesMax = 4_000_000;

/** What a device can tell of an answer, whatever carried it. */
async function told(response: Response): Promise<unknown> {
  const { status, contentType, size, range } = response;
  if (contentType === 'application/problem+json') {
    const { code, detail } = await readProblem(response);
    return { status, code, detail, range };
  }
  const bytes = await collect(response.body, bytesMax);
  return {
    status,
    sha256: hex(digest('sha-256', bytes)),
    length: bytes.length,
    size: size ?? bytes.length,
    range,
  };
}

for (const { name, carry } of roads) {
  test(`S1-11, S2-10, S4-31: over ${name}, the firmware server answers as in memory`, async (context) => {
    const parties = await gatherParties({ folder: await emptyFolder(context) });
    const manifest = await publishNew(parties, messageTrace());
    const { handler } = parties.server;
    const client = await carry(context, handler);
    const payload = hex(digest('sha-256', parties.image));
    const [ofVendor, ofClass] = [uuidText(vendor), uuidText(deviceClass(className))];
    const { length } = parties.image;
    const ask = (path: string, given: Partial<Request> = {}) => request('GET', path, given);
    const asked: readonly (() => Request)[] = [
      () => ask(`/payloads/${payload}`),
      () => ask(`/payloads/${payload}`, { range: { start: 1 } }),
      () => ask(`/payloads/${payload}`, { range: { start: 1_025, end: 2_048 } }),
      () => ask(`/payloads/${payload}`, { range: { start: length - 1 } }),
      () => ask(`/payloads/${payload}`, { ifNoneMatch: payload }),
      () => ask(`/payloads/${'00'.repeat(32)}`),
      () => ask('/payloads/ü'),
      () => ask(`/manifests/${manifest}`),
      () => ask(`/manifests/${'00'.repeat(32)}`),
      () => ask(`/latest/${ofVendor}/${ofClass}`),
      () => ask(`/latest/${ofVendor}/${ofClass}`, { ifNoneMatch: manifest }),
      () => ask(`/latest/${ofVendor}/${ofClass}`, { ifNoneMatch: '00'.repeat(32) }),
      () => ask(`/latest/${ofVendor}/none`),
      () => ask('/capabilities'),
      () => ask('/releases'),
      () => ask('/nothing'),
      () => request('DELETE', '/manifests'),
      () => request('PUT', `/payloads/${payload}`, { body: bytesBody(parties.image) }),
    ];
    for (const make of asked) {
      const { method, path } = make();
      assert.deepEqual(
        await told(await client(make())),
        await told(await handler(make())),
        `${method} ${path}`,
      );
    }
    const behind = await client(ask(`/payloads/${payload}`, { range: { start: length } }));
    assert.deepEqual([behind.status, behind.range?.total], ['range-not-satisfiable', length]);
  });

  test(`S1-11: over ${name}, an author uploads and is refused for the same reasons`, async (context) => {
    const parties = await gatherParties({ folder: await emptyFolder(context) });
    const peers = { author: { id: 'author', roles: ['author'] } } as const;
    const proved = bearer(parties.server.handler, (token) => (token === 'author' ? peers.author : undefined));
    const client = await carry(context, proved);
    const payload = hex(digest('sha-256', parties.image));
    const upload = (path: string, token: string, body: Uint8Array) =>
      request('PUT', path, { headers: { authorization: `Bearer ${token}` }, body: bytesBody(body) });
    const refused = await readProblem(await client(upload(`/payloads/${payload}`, 'another', parties.image)));
    assert.equal(refused.code, 'unauthorized');
    const wrong = await readProblem(
      await client(upload(`/payloads/${'00'.repeat(32)}`, 'author', parties.image)),
    );
    assert.equal(wrong.code, 'unprocessable');
    assert.equal((await client(upload(`/payloads/${payload}`, 'author', parties.image))).status, 'created');
    const { body } = await client(request('GET', `/payloads/${payload}`));
    assert.deepEqual(await collect(body, bytesMax), parties.image);
  });

  test(`S1-11, S4-56: over ${name}, the tracker knows a device, its token and its news`, async (context) => {
    const [trackerKey, key] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
    const store = createMemoryStore();
    const world = { store, clock: systemClock, random: systemRandom, trackerKey, onBug };
    const tracker = await createStatusTracker({ ...world, operators: [], releases: async () => undefined });
    context.after(() => tracker.close());
    const of = { vendor, class: deviceClass(className) };
    await tracker.desk.provision({ id: 'lamp-1', key: key.public, ...of }, 'the suite');
    const carried = await carry(context, tracker.handler);
    const seen: string[] = [];
    const handler: Handler = async (asked) => {
      const answer = await carried(asked);
      seen.push(`${asked.method} ${asked.path.split('/')[1]} ${answer.status}`);
      return answer;
    };
    const way = { handler, clock: systemClock, random: systemRandom };
    const client = createTrackerClient({
      ...way,
      device: 'lamp-1',
      key,
      trackerKey: trackerKey.public,
      ...of,
    });
    await client.register();
    await client.checkIn({ state: 'idle', components: [], imageBytesMax: 100_000 });
    assert.equal(await client.poll(), undefined);
    assert.equal(await client.poll(), undefined);
    const startMs = systemClock.monotonicMs();
    assert.equal(await client.poll({ waitMs: 700 }), undefined);
    assert.ok(systemClock.monotonicMs() - startMs >= 690);
    assert.deepEqual(seen, [
      'GET challenges ok',
      'POST register created',
      'POST check-in ok',
      'GET offers ok',
      'GET offers valid',
      'GET offers valid',
    ]);
    const stranger = await carried(request('GET', '/offers/lamp-1'));
    assert.equal((await readProblem(stranger)).code, 'unauthorized');
    const garbage = await carried(request('POST', '/reports', { body: bytesBody(new Uint8Array(300)) }));
    assert.notEqual(garbage.status, 'changed');
  });

  test(`S1-11, S0-03, S1-C: a device that has only ${name} updates itself`, async (context) => {
    const folder = await emptyFolder(context);
    const arrows = await flowWithTracker(folder, (server) => carry(context, server));
    assert.deepEqual(arrows, arrowsWithTracker);
  });
}
