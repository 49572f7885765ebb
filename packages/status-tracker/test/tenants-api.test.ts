import assert from 'node:assert/strict';
import test from 'node:test';
import fastify from 'fastify';
import fc from 'fast-check';
import { encodeVerificationKey } from '@lapel/cose';
import { hex } from '@lapel/cbor';
import { uuidText } from '@lapel/suit';
import { createSqliteFleets } from '../src/index.ts';
import type { OperatorApiOptions } from '../src/server/api/operator-api.ts';
import { operatorApi, routesOf } from '../src/server/api/operator-api.ts';
import { everythingIn } from './tenants-suite.ts';
import { createWorld, lampClass, testKey, testRandom, vendor } from './world.ts';

const ids = ['lamp-0', 'lamp-1', 'lamp-9', 'c1'.repeat(16), 'c2'.repeat(16), 'admin', 'none'];

function onBug(error: unknown): never {
  throw error;
}

test('S4-23: over REST, no token of one tenant reads or moves anything of another', async (context) => {
  const fleets = createSqliteFleets({ path: ':memory:' });
  const app = fastify();
  context.after(async () => {
    await app.close();
    await fleets.close();
  });
  const tenants = await Promise.all(['ours', 'theirs'].map(async (name) => tenantIn(name)));
  const [ours, theirs] = tenants;
  assert.ok(ours !== undefined && theirs !== undefined);
  const table = Object.keys(routesOf(ours.options));
  const before = await everythingIn(theirs.world.store);
  const page = await reads(theirs.name, theirs.token);
  assert.equal(page.statusCode, 200);

  async function tenantIn(name: string) {
    const store = fleets.of(name);
    const world = await createWorld({ store, random: testRandom(name) });
    await world.lamps(2);
    await world.tracker.desk.start(world.campaign(name === 'ours' ? 'c1' : 'c2', 2), 'test');
    const token = await world.tracker.access.grant('admin', ['admin'], 'test');
    const options: OperatorApiOptions = { ...world.tracker, store, clock: world.clock, onBug };
    await app.register(operatorApi(options), { prefix: `/tenants/${name}` });
    return { name, world, token, options };
  }

  async function reads(name: string, token: string) {
    return app.inject({ url: `/tenants/${name}/devices`, headers: { authorization: `Bearer ${token}` } });
  }

  const asked = fc.record({
    route: fc.constantFrom(...table),
    id: fc.constantFrom(...ids),
    /** Whose door, with the token of ours. */
    door: fc.constantFrom('ours', 'theirs'),
    body: fc.constantFrom('device', 'token', 'campaign', 'pause'),
  });
  const property = fc.asyncProperty(fc.array(asked, { minLength: 5, maxLength: 25 }), async (questions) => {
    for (const { route, id, door, body } of questions) {
      const [method = '', path = ''] = route.split(' ');
      const answer: { readonly statusCode: number } = await app.inject({
        method: method as 'GET',
        url: `/tenants/${door}${path.replace(':id', id)}`,
        headers: {
          authorization: `Bearer ${ours.token}`,
          ...(body === 'campaign' || body === 'pause' ? { 'content-type': 'application/cose' } : {}),
        },
        ...(method === 'POST' ? { payload: bodyOf(body, id) } : {}),
      });
      assert.ok(answer.statusCode < 500, `${route}: ${answer.statusCode}`);
      if (door === 'theirs') assert.equal(answer.statusCode, 401, route);
      // Whoever revokes the token that it asks with is let in no more; the next question has a new one.
      if (ours.world.tracker.access.lookup(ours.token) === undefined)
        ours.token = await ours.world.tracker.access.grant('admin', ['admin'], 'test');
    }
    assert.deepEqual(await everythingIn(theirs.world.store), before);
    assert.equal((await reads(theirs.name, theirs.token)).payload, page.payload);
  });

  function bodyOf(body: string, id: string): string | Buffer {
    if (body === 'campaign') return Buffer.from(ours?.world.campaign('c2', 2) ?? []);
    if (body === 'pause') return Buffer.from(ours?.world.order('c2', 1, 'pause') ?? []);
    const told =
      body === 'token'
        ? { name: id, roles: ['admin'] }
        : {
            id,
            publicKey: hex(encodeVerificationKey(testKey(id).public)),
            vendor: uuidText(vendor),
            class: uuidText(lampClass),
          };
    return JSON.stringify(told);
  }

  await fc.assert(property, { numRuns: 8, seed: 6 });
});
