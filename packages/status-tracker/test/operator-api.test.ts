import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import test from 'node:test';
import { hex } from '@lapel/cbor';
import { encodeVerificationKey, keyToPem } from '@lapel/cose';
import { uuidText } from '@lapel/suit';
import type { Role } from '../src/index.ts';
import { createApi } from './operator-world.ts';
import { lampClass, testKey, vendor } from './world.ts';

const lampBody = (id: string, publicKey: string) => ({
  id,
  publicKey,
  vendor: uuidText(vendor),
  class: uuidText(lampClass),
});

test('S4-23: every route asks for a role, and refuses a token without it', async (context) => {
  const { ask } = await createApi(context);
  const routes: readonly (readonly ['GET' | 'POST' | 'DELETE', string, readonly Role[]])[] = [
    ['GET', '/devices', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['GET', '/devices/x', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['GET', '/devices/x/reports', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['POST', '/devices', ['operator', 'admin']],
    ['POST', '/devices/x/approve', ['operator', 'approver', 'admin']],
    ['GET', '/campaigns', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['GET', '/campaigns/x', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['GET', '/campaigns/x/members', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['GET', '/campaigns/x/plan', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['POST', '/campaigns', ['operator', 'admin']],
    ['POST', '/campaigns/x/orders', ['operator', 'admin']],
    ['GET', '/audit', ['operator', 'approver', 'admin']],
    ['GET', '/audit/chain', ['operator', 'approver', 'admin']],
    ['POST', '/tokens', ['admin']],
    ['DELETE', '/tokens/x', ['admin']],
    ['DELETE', '/devices/x', ['operator', 'approver', 'admin']],
    ['GET', '/manufacturers', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['POST', '/manufacturers', ['operator', 'admin']],
    ['DELETE', '/manufacturers/x', ['operator', 'admin']],
    ['POST', '/manufacturers/x/revocations', ['operator', 'admin']],
    ['GET', '/enrolment-tokens', ['viewer', 'author', 'operator', 'approver', 'admin']],
    ['POST', '/enrolment-tokens', ['operator', 'admin']],
    ['DELETE', '/enrolment-tokens/x', ['operator', 'admin']],
  ];
  for (const [method, url, allowed] of routes) {
    assert.equal((await ask(undefined, method, url)).status, 401, `${method} ${url} without a token`);
    for (const role of ['viewer', 'author', 'operator', 'approver', 'admin'] as const) {
      const { status } = await ask(role, method, url);
      assert.equal(status === 403, !allowed.includes(role), `${method} ${url} as ${role}: ${status}`);
    }
  }
  assert.equal((await ask(undefined, 'GET', '/events')).status, 401);
});

test('a device is provisioned by PEM or by COSE_Key, and a second key is refused', async (context) => {
  const { ask } = await createApi(context);
  const key = testKey('lamp-1').public;
  assert.equal((await ask('operator', 'POST', '/devices', lampBody('lamp-1', keyToPem(key)))).status, 201);
  const again = lampBody('lamp-1', hex(encodeVerificationKey(key)));
  assert.equal((await ask('operator', 'POST', '/devices', again)).status, 200);
  const other = await ask(
    'operator',
    'POST',
    '/devices',
    lampBody('lamp-1', keyToPem(testKey('other').public)),
  );
  assert.equal(other.status, 409);
  assert.match(String(other.headers['content-type']), /^application\/problem\+json/);
  assert.match(String(other.json()['detail']), /expected the key that lamp-1 has, found another/);
  const secret = await ask('operator', 'POST', '/devices', lampBody('lamp-2', keyToPem(testKey('lamp-2'))));
  assert.match(String(secret.json()['detail']), /expected a public key, found a private one/);
  assert.equal((await ask('operator', 'POST', '/devices', lampBody('lamp-2', 'zz'))).status, 400);
  assert.equal((await ask('operator', 'POST', '/devices', lampBody('../x', keyToPem(key)))).status, 400);
});

test('S2-08, S2-09: devices, campaigns and their exact sets are read as JSON', async (context) => {
  const { ask, world } = await createApi(context);
  const lamps = await world.lamps(3);
  const started = await ask('operator', 'POST', '/campaigns', world.campaign('c1', 2));
  assert.equal(started.status, 201);
  const id = String(started.json()['id']);
  const preview = (await ask('viewer', 'GET', `/campaigns/${id}/plan`)).json();
  assert.deepEqual(
    (preview['steps'] as { do: string; device: string }[])
      .map((step) => `${step.do} ${step.device}`)
      .toSorted(),
    ['offer lamp-0', 'offer lamp-1', 'offer lamp-2'],
  );
  assert.deepEqual(await world.store.liveOffers(), [], 'a preview changes nothing');
  await world.tracker.tick();
  await lamps[1]?.update();
  const confirmed = (await ask('viewer', 'GET', `/campaigns/${id}/members?status=confirmed`)).json();
  assert.deepEqual(
    (confirmed['members'] as { device: string }[]).map(({ device }) => device),
    ['lamp-1'],
  );
  const campaign = (await ask('viewer', 'GET', `/campaigns/${id}`)).json();
  assert.equal((campaign['totals'] as { confirmed: number }).confirmed, 1);
  const devices = (await ask('viewer', 'GET', '/devices?limit=2')).json();
  assert.deepEqual(
    (devices['devices'] as { id: string }[]).map(({ id: found }) => found),
    ['lamp-0', 'lamp-1'],
  );
  assert.equal(devices['next'], 'lamp-1');
  const device = (await ask('viewer', 'GET', '/devices/lamp-0')).json();
  assert.match(String(device['explanation']), /^lamp-0 was offered .* by "lamps to 2"/);
  const reports = JSON.parse((await ask('viewer', 'GET', '/devices/lamp-1/reports')).text) as {
    outcome: string;
  }[];
  assert.equal(reports[0]?.outcome, 'ok');
  assert.equal((await ask('viewer', 'GET', '/devices/none')).status, 404);
  assert.equal((await ask('viewer', 'GET', '/devices?limit=5000')).status, 400);
});

test('S4-133: an operator pauses, resumes and aborts a campaign by signed orders', async (context) => {
  const { ask, world } = await createApi(context);
  const [lamp] = await world.lamps(1);
  assert.ok(lamp);
  await ask('operator', 'POST', '/campaigns', world.campaign('c1', 2));
  await world.tracker.tick();
  const before = await lamp.client.poll();
  const url = `/campaigns/${'c1'.repeat(16)}/orders`;
  assert.equal((await ask('operator', 'POST', url, world.order('c1', 1, 'pause'))).json()['state'], 'paused');
  assert.equal(await lamp.client.poll(), undefined, 'a paused campaign offers nothing');
  assert.equal(
    (await ask('operator', 'POST', url, world.order('c1', 1, 'resume'))).status,
    409,
    'an old number',
  );
  assert.equal(
    (await ask('operator', 'POST', url, world.order('c2', 2, 'resume'))).status,
    422,
    'of another',
  );
  assert.equal(
    (await ask('operator', 'POST', url, world.order('c1', 2, 'resume'))).json()['state'],
    'running',
  );
  assert.deepEqual(await lamp.client.poll(), before, 'the same offer is out again');
  assert.equal(
    (await ask('operator', 'POST', url, world.order('c1', 3, 'abort'))).json()['state'],
    'aborted',
  );
  assert.equal(await lamp.client.poll(), undefined);
  assert.equal(
    (await ask('operator', 'POST', url, world.order('c1', 4, 'resume'))).status,
    409,
    'abort is final',
  );
  const audit = JSON.parse((await ask('operator', 'GET', '/audit')).text) as { act: string; actor: string }[];
  const refusal = 'refused: POST /campaigns/:id/orders';
  assert.deepEqual(
    audit.slice(0, 6).map(({ act }) => act),
    [refusal, 'campaign aborted', 'campaign running', refusal, refusal, 'campaign paused'],
  );
  assert.match(audit[1]?.actor ?? '', /^operator, signed by [0-9a-f]{64}$/);
});

test('S4-133: who has a token but no operator key can start nothing', async (context) => {
  const { ask, world } = await createApi(context, {}, { operators: [testKey('somebody else').public] });
  const refused = await ask('admin', 'POST', '/campaigns', world.campaign('c1', 2));
  assert.equal(refused.status, 403);
  assert.match(String(refused.json()['detail']), /signed by an operator: expected a trusted key/);
  assert.equal((await ask('admin', 'POST', '/campaigns', { id: 'c1' })).status, 415, 'JSON is no campaign');
});

test('a token is told once, works at once, and no more after it is revoked', async (context) => {
  const { ask, world } = await createApi(context);
  const made = await ask('admin', 'POST', '/tokens', { name: 'anna', roles: ['viewer'] });
  assert.equal(made.status, 201);
  const token = String(made.json()['token']);
  assert.deepEqual(world.tracker.access.lookup(token), { id: 'anna', roles: ['viewer'] });
  assert.equal((await ask('admin', 'POST', '/tokens', { name: 'anna', roles: ['viewer'] })).status, 409);
  assert.equal((await ask('admin', 'POST', '/tokens', { name: 'bert', roles: ['root'] })).status, 400);
  const kept = (await world.store.grants()).map(({ hash }) => hex(hash));
  assert.ok(!kept.includes(token), 'only its hash is kept');
  await world.restart();
  assert.deepEqual(world.tracker.access.lookup(token), { id: 'anna', roles: ['viewer'] });
  assert.equal((await ask('admin', 'DELETE', '/tokens/anna')).status, 204);
  assert.equal((await ask('admin', 'DELETE', '/tokens/anna')).status, 404);
});

test('S2-08: the page shows the fleet, escapes what it shows, and may load nothing', async (context) => {
  const page = { pageIsOpen: true, classNames: new Map([[uuidText(lampClass), 'lamp']]) };
  const { ask, world } = await createApi(context, page);
  const lamps = await world.lamps(3);
  await lamps[0]?.checkIn({
    components: [
      { component: [], sequenceNumber: 1, manifestDigest: new Uint8Array(32), version: '<script>&"' },
    ],
  });
  await world.tracker.desk.start(world.campaign('c1', 2, { name: '<b>bold</b>' }), 'test');
  await world.tracker.tick();
  await lamps[1]?.update();
  const { status, text, headers } = await ask(undefined, 'GET', '/');
  assert.equal(status, 200);
  assert.match(text, /3 devices/);
  assert.match(text, /1 of 3 confirmed, 2 in flight, 0 failed/);
  assert.match(text, /&lt;script&gt;&amp;&quot;/);
  assert.match(text, /&lt;b&gt;bold&lt;\/b&gt;/);
  assert.doesNotMatch(text, /<script|<b>/);
  // The policy names the hash of the style that the page holds: otherwise a browser would not draw it.
  const style = /<style>(?<style>[\s\S]*)<\/style>/.exec(text)?.groups?.['style'] ?? '';
  const policy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'`;
  assert.ok(String(headers['content-security-policy']).startsWith(policy));
});

test('a page that is not open asks a browser for a token', async (context) => {
  const { app, tokens } = await createApi(context);
  const asked = await app.inject({ method: 'GET', url: '/' });
  assert.equal(asked.statusCode, 401);
  assert.match(String(asked.headers['www-authenticate']), /^Basic /);
  const authorization = `Basic ${Buffer.from(`anyone:${tokens.viewer}`).toString('base64')}`;
  assert.equal((await app.inject({ method: 'GET', url: '/', headers: { authorization } })).statusCode, 200);
});

test('S4-15: who watches /events sees each state of a device in order', async (context) => {
  const { app, tokens, world } = await createApi(context);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const [lamp] = await world.lamps(1);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  const events = await fetch(`${url}/events`, { headers: { authorization: `Bearer ${tokens.viewer}` } });
  assert.equal(events.headers.get('content-type'), 'text/event-stream');
  assert.ok(events.body);
  await world.tracker.tick();
  await lamp?.update();
  const states: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of events.body) {
    for (const [, state] of decoder.decode(chunk as Uint8Array).matchAll(/"state":"([\w-]+)"/g))
      states.push(state ?? '');
    if (states.includes('confirmed')) break;
  }
  assert.deepEqual(states, ['offered', 'fetching', 'installing', 'awaiting-confirmation', 'confirmed']);
});
