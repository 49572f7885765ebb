import assert from 'node:assert/strict';
import test from 'node:test';
import { createApi } from './operator-world.ts';

interface Entry {
  readonly actor: string;
  readonly roles: string;
  readonly act: string;
  readonly subject: string;
  readonly detail?: string;
}

test('what operators were refused stands in the audit, with who, on what and why', async (context) => {
  const { ask, world } = await createApi(context);
  assert.equal((await ask('viewer', 'POST', '/campaigns', world.campaign('c1', 2))).status, 403);
  assert.equal((await ask('approver', 'POST', '/devices/lamp-1/approve')).status, 404);
  assert.equal((await ask('viewer', 'GET', '/audit')).status, 403);
  assert.equal((await ask(undefined, 'POST', '/devices/lamp-1/approve')).status, 401);
  const { entries } = (await ask('operator', 'GET', '/audit/chain')).json();
  const refused = (entries as readonly Entry[]).filter(({ act }) => act.startsWith('refused'));
  assert.deepEqual(
    refused.map(({ actor, roles, act, subject }) => [actor, roles, act, subject]),
    [
      ['viewer', 'viewer', 'refused: POST /campaigns', ''],
      ['approver', 'approver', 'refused: POST /devices/:id/approve', 'lamp-1'],
    ],
  );
  assert.equal(refused[0]?.detail, 'forbidden: expected the role operator or admin, found viewer');
});

test('nobody who has a token fills a disk by being refused', async (context) => {
  const { ask } = await createApi(context);
  const before = (await ask('operator', 'GET', '/audit/chain?limit=1000')).json()[
    'entries'
  ] as readonly Entry[];
  for (let times = 0; times < 105; times++) await ask('viewer', 'DELETE', '/tokens/anna');
  const { entries } = (await ask('operator', 'GET', '/audit/chain?limit=1000')).json();
  const told = entries as readonly Entry[];
  assert.equal(told.length, before.length + 100);
  assert.match(told.at(-1)?.detail ?? '', /further ones in this hour are not told$/);
});

test('no token stands in the audit', async (context) => {
  const { ask, tokens } = await createApi(context);
  const made = (await ask('admin', 'POST', '/tokens', { name: 'anna', roles: ['viewer'] })).json()['token'];
  const { text } = await ask('admin', 'GET', '/audit/chain');
  assert.match(text, /token granted/);
  for (const token of [made, ...Object.values(tokens)]) assert.ok(!text.includes(String(token)));
});
