/**
 * What each of the four entities of X.secup-iot says that it can, held against what the procedure wants of
 * it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boot, createCoreService, readTrustStore } from '@lapel/device';
import { createCommunicator } from '@lapel/gateway/communicator';
import type { Handler, Method } from '@lapel/transport';
import { collect, readProblem, request, systemClock, systemRandom } from '@lapel/transport';
import { gatherParties, onBug } from '../src/flow-parties.ts';
import { modesWorld } from '../src/modes-world.ts';

/**
 * By the steps of the procedure: query, inform, decide, request, distribute, verify, install, report,
 * list.
 */
const required: Readonly<Record<string, readonly string[]>> = {
  'device-core': [
    ...['tell-status', 'verify-manifest', 'verify-image', 'store', 'activate', 'go-back', 'report-result'],
  ],
  communicator: [
    ...['query-status', 'relay-status', 'ask-for-update', 'start-update'],
    ...['relay-manifest', 'relay-payload', 'relay-result'],
  ],
  'status-tracker': ['know-devices', 'keep-status', 'decide-need', 'keep-results'],
  'firmware-server': ['take-manifest', 'take-image', 'release', 'give-manifest', 'give-image'],
};

interface Entity {
  /** Where it tells what it can. */
  readonly path: string;
  readonly handler: Handler;
}

async function entities(context: TestContext): Promise<Readonly<Record<string, Entity>>> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-capabilities-'));
  context.after(() => rm(folder, { recursive: true }));
  const { server, flash, profile } = await gatherParties({ folder });
  const world = await modesWorld({ seed: 1, over: 'http' });
  context.after(() => world.end());
  const [trust, decision] = [readTrustStore(flash, profile.layout.trustStore), boot(flash, profile)];
  assert.ok(trust !== undefined && decision.boot === 'slot');
  const core = createCoreService({ trust, decision, onBug });
  const upstream: Handler = (asked) =>
    /^\/(payloads|manifests)/.test(asked.path) ? server.handler(asked) : world.served(asked);
  let relay: Handler | undefined;
  const communicator = createCommunicator({
    ...{ upstream, clock: systemClock, random: systemRandom, pollMs: 1000, onBug },
    lines: [
      {
        name: 'line',
        connect(serve) {
          relay = serve;
          return { ask: core.handler, close: () => undefined };
        },
      },
    ],
  });
  const relays: Handler = async (asked) => {
    if (/^\/(cores|communicator)/.test(asked.path)) return communicator.handler(asked);
    if (asked.path.startsWith('/core')) return core.handler(asked);
    assert.ok(relay);
    return relay(asked);
  };
  return {
    'device-core': { path: '/core/capabilities', handler: core.handler },
    communicator: { path: '/communicator/capabilities', handler: relays },
    'status-tracker': { path: '/tracker/capabilities', handler: world.tracker.handler },
    'firmware-server': { path: '/capabilities', handler: server.handler },
  };
}

test('S2-03, S2-20: each entity tells all that the procedure wants of it, and serves it', async (context) => {
  for (const [name, { path, handler }] of Object.entries(await entities(context))) {
    const { body, contentType } = await handler(request('GET', path));
    assert.equal(contentType, 'application/json');
    const told: unknown = JSON.parse(new TextDecoder().decode(await collect(body, 10_000)));
    assert.ok(typeof told === 'object' && told !== null && 'entity' in told && 'capabilities' in told);
    assert.equal(told.entity, name);
    const can = told.capabilities as Readonly<Record<string, string>>;
    for (const wanted of required[name] ?? []) assert.ok(Object.hasOwn(can, wanted), `${name}: ${wanted}`);
    for (const resource of Object.values(can).filter((each) => each.includes(' '))) {
      const [method, pattern = ''] = resource.split(' ');
      const asked = request(method as Method, pattern.replaceAll(/\{.*?\}/g, 'none'));
      const answer = await handler(asked);
      const { detail } = await readProblem(answer);
      assert.notEqual(answer.status, 'method-not-allowed', resource);
      assert.notEqual(detail, 'nothing is found under this path', resource);
    }
  }
});
