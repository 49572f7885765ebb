import assert from 'node:assert/strict';
import test from 'node:test';
import { hex, unhex } from '@lapel/cbor';
import type { TreeHead } from '../src/index.ts';
import {
  encodeLogEntry,
  entryOfSigned,
  isConsistent,
  isIncluded,
  leafHash,
  openTreeHead,
} from '../src/index.ts';
import type { Api } from './operator-world.ts';
import { createApi } from './operator-world.ts';
import { digestFor, testKey } from './world.ts';

const bytesOf = (text: unknown) => unhex(String(text)) ?? new Uint8Array();

async function headOf({ ask }: Api): Promise<TreeHead> {
  const { headers, bytes } = await ask('viewer', 'GET', '/log/head');
  assert.equal(headers['content-type'], 'application/cose');
  return openTreeHead(bytes, [testKey('tracker').public]);
}

async function proofOf({ ask }: Api, url: string): Promise<readonly Uint8Array[]> {
  const { proof } = (await ask('viewer', 'GET', url)).json();
  return (proof as readonly string[]).map(bytesOf);
}

test('S3-10: campaign, release and each order are logged, and a kept head goes on', async (context) => {
  const api = await createApi(context);
  const empty = await headOf(api);
  assert.equal(empty.size, 0);
  const campaign = api.world.campaign('c1', 2);
  assert.equal((await api.ask('operator', 'POST', '/campaigns', campaign)).status, 201);
  const first = await headOf(api);
  assert.equal(first.size, 2);

  const order = api.world.order('c1', 1, 'pause');
  const id = 'c1'.repeat(16);
  assert.equal((await api.ask('operator', 'POST', `/campaigns/${id}/orders`, order)).status, 200);
  const last = await headOf(api);
  assert.equal(last.size, 3);
  const consistency = await proofOf(api, `/log/consistency?from=${first.size}&size=${last.size}`);
  assert.ok(isConsistent(first, last, consistency));

  const { entries } = (await api.ask('viewer', 'GET', '/log/entries')).json();
  const kinds = (entries as readonly Record<string, unknown>[]).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['release', 'campaign', 'order']);
  const wanted = [
    encodeLogEntry('release', digestFor(2)),
    entryOfSigned('campaign', campaign),
    entryOfSigned('order', order),
  ];
  for (const [index, entry] of wanted.entries()) {
    const proof = await proofOf(api, `/log/inclusion?entry=${hex(entry)}&size=3`);
    assert.ok(isIncluded(leafHash(entry), index, last, proof), `entry ${index}`);
  }
});

test('S3-10: a refused campaign is not logged, one brought twice is logged once', async (context) => {
  const api = await createApi(context);
  await api.ask('operator', 'POST', '/campaigns', api.world.campaign('c1', 99));
  assert.equal((await headOf(api)).size, 0);
  const campaign = api.world.campaign('c1', 2);
  for (const _ of [1, 2]) await api.ask('operator', 'POST', '/campaigns', campaign);
  assert.equal((await headOf(api)).size, 2);
});

test('S4-23: what is asked of the log is bounded, and refused with the bound', async (context) => {
  const { ask } = await createApi(context);
  for (const url of [
    '/log/entries?limit=1001',
    '/log/inclusion?entry=xx&size=1',
    '/log/consistency?from=-1&size=0',
  ]) {
    assert.equal((await ask('viewer', 'GET', url)).status, 400, url);
  }
  assert.equal((await ask('viewer', 'GET', '/log/consistency?from=0&size=1')).status, 404);
  assert.equal((await ask(undefined, 'GET', '/log/head')).status, 401);
});
