import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { CampaignApproval } from '../src/protocol.ts';
import { createApi } from './operator-world.ts';
import { bytes16, operatorKey, startMs, testKey } from './world.ts';

const c1 = 'c1'.repeat(16);
const ann = testKey('ann');

test('S4-133: an operator tries a campaign, another one approves its very bytes', async (context) => {
  const { world, ask } = await createApi(context, {}, { operators: [operatorKey.public, ann.public] });
  const lamps = await world.lamps(2);
  await lamps[1]?.checkIn({ imageBytesMax: 10 });
  const signed = world.campaign('c1', 2, { approvals: 1, predicate: 'sequence < 2' });
  const run = (await ask('viewer', 'POST', '/campaigns/dry-run', signed)).json();
  assert.deepEqual([run['meant'], run['fitting'], run['unfitCount']], [2, 1, 1]);
  assert.equal((await ask('viewer', 'GET', `/campaigns/${c1}`)).status, 404, 'nothing was started');

  const started = (await ask('operator', 'POST', '/campaigns', signed)).json();
  assert.deepEqual([started['state'], started['approvalsNeeded'], started['wave']], ['proposed', 1, 1]);
  const read = await ask('viewer', 'GET', `/campaigns/${c1}/signed`);
  assert.deepEqual(read.bytes, new Uint8Array(signed));
  assert.match(String(read.headers['content-type']), /^application\/cose/);

  const content = { version: 1, campaign: bytes16('c1'), digest: digest('sha-256', read.bytes) } as const;
  const approval = signAttached(ann, write(CampaignApproval, { ...content, created: startMs }));
  const path = `/campaigns/${c1}/approvals`;
  assert.equal((await ask('viewer', 'POST', path, approval)).status, 403);
  const after = (await ask('operator', 'POST', path, approval)).json();
  assert.deepEqual([after['state'], after['approvals']], ['running', 1]);
});

test('S3-03: exposure is told as JSON with a plot, and as CSV', async (context) => {
  const { world, ask } = await createApi(context);
  const lamps = await world.lamps(2);
  await world.tracker.desk.start(world.campaign('c1', 2), 'test');
  await world.tracker.tick();
  world.clock.pass(1_800_000);
  await lamps[0]?.update();
  const proof = (await ask('viewer', 'GET', `/campaigns/${c1}/patched`)).json();
  assert.deepEqual([proof['devices'], proof['patched'], proof['exposedDeviceHours']], [2, 1, 1]);
  assert.deepEqual(proof['toPercentMs'], { 50: 1_800_000 });
  assert.equal(String(proof['plot']).split('\n').length, 11);
  const csv = await ask('viewer', 'GET', `/campaigns/${c1}/patched.csv`);
  assert.match(String(csv.headers['content-type']), /^text\/csv/);
  assert.match(csv.text, /^device,exposed_since,patched_at,exposed_ms\nlamp-0,.*,1800000\nlamp-1,.*,,\n$/);
});
