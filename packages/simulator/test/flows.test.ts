/** The example flows of the architecture, played by real parties. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { serverSource } from '@lapel/device';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect } from '@lapel/transport';
import { deviceClass, vendor } from '../src/firmware.ts';
import { className, gatherParties, origin, publishNew, switchOn } from '../src/flow-parties.ts';
import { arrowsWithTracker, flowWithTracker } from '../src/flow-with-tracker.ts';
import { arrowsWithoutTracker, flowWithoutTracker } from '../src/flow-without-tracker.ts';
import { messageTrace } from '../src/message-trace.ts';

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-flow-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('S4-63, S4-90, S4-130, S4-131: without a tracker a device asks the server by itself', async (t) => {
  assert.deepEqual(await flowWithoutTracker(await emptyFolder(t)), arrowsWithoutTracker);
});

test('S4-60, S4-89, S4-90, S4-132, S4-133: a tracker learns what runs and pushes the manifest', async (t) => {
  assert.deepEqual(await flowWithTracker(await emptyFolder(t)), arrowsWithTracker);
});

test('S4-135, S4-48: behind a damaged manifest nothing is requested and nothing written', async (t) => {
  const parties = await gatherParties({ folder: await emptyFolder(t) });
  await publishNew(parties, messageTrace());
  const asked: string[] = [];
  const network: Handler = async (request) => {
    asked.push(request.path);
    const response = await parties.server.handler(request);
    if (!request.path.startsWith('/latest/')) return response;
    const bytes = await collect(response.body, 4096);
    bytes[bytes.length - 1]! ^= 1;
    return { ...response, body: bytesBody(bytes) };
  };
  const done = new AbortController();
  const { operations } = parties.flash;
  const steps: string[] = [];
  await switchOn(
    parties,
    {
      network,
      trace: messageTrace(),
      connect: (_, { manifest }) =>
        serverSource({
          handler: network,
          origin,
          vendor,
          class: deviceClass(className),
          running: manifest.digest.bytes,
          envelopeBytesMax: 4096,
        }),
      onStep: (step) => {
        steps.push(step);
        done.abort(new Error('the attempt has ended'));
      },
    },
    done.signal,
  );
  assert.deepEqual(steps, ['failed']);
  assert.equal(asked.filter((path) => path.startsWith('/payloads/')).length, 0);
  assert.ok(asked.some((path) => path.startsWith('/latest/')));
  assert.equal(parties.flash.operations, operations);
});
