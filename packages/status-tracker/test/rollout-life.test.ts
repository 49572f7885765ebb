import assert from 'node:assert/strict';
import test from 'node:test';
import { write } from '@lapel/cbor';
import { digest, signAttached } from '@lapel/cose';
import { patchCsv, patchPlot } from '../src/server/patched.ts';
import { CampaignApproval } from '../src/protocol.ts';
import { bytes16, createWorld, operatorKey, releaseOf, startMs, testKey } from './world.ts';

const c1 = 'c1'.repeat(16);
const ann = testKey('ann');
const annAgain = testKey('ann again');
const ben = testKey('ben');
const hexOf = (kid: Uint8Array) => Buffer.from(kid).toString('hex');
const persons = new Map([
  [hexOf(ann.public.kid), 'ann'],
  [hexOf(annAgain.public.kid), 'ann'],
  [hexOf(ben.public.kid), 'ben'],
  [hexOf(operatorKey.public.kid), 'olga'],
]);
const operators = [operatorKey, ann, annAgain, ben].map((key) => key.public);

const approvalBy = (key: typeof ann, signed: Uint8Array, changes: Partial<CampaignApproval> = {}) =>
  signAttached(
    key,
    write(CampaignApproval, {
      ...{ version: 1, campaign: bytes16('c1'), digest: digest('sha-256', signed), created: startMs },
      ...changes,
    }),
  );

test('S4-133: a campaign waits for as many persons as it asks for; two keys of one are one', async () => {
  const world = await createWorld({ operators, persons });
  await world.lamps(1);
  const signed = world.campaign('c1', 2, { approvals: 2 });
  const { desk } = world.tracker;
  assert.equal((await desk.start(signed, 'test')).state, 'proposed');
  await world.tracker.tick();
  assert.equal((await world.store.totals(c1)).waiting, 1);
  assert.match(
    (await desk.device('lamp-0')).explanation,
    /gets no offer of "lamps to 2", because the campaign waits for 2 more approvals\.$/,
  );
  const consent = async (bytes: Uint8Array) => (await desk.consent(c1, bytes, 'test')).state;
  assert.equal(await consent(approvalBy(ann, signed)), 'proposed');
  assert.equal(await consent(approvalBy(annAgain, signed)), 'proposed');
  await assert.rejects(consent(approvalBy(operatorKey, signed)), /expected somebody else than olga/);
  await assert.rejects(consent(approvalBy(testKey('eve'), signed)), /approval, signed by an operator/);
  const other = world.campaign('c1', 2, { approvals: 2, inFlightMax: 9 });
  await assert.rejects(
    consent(approvalBy(ben, other)),
    /expected the digest of the campaign as it was signed/,
  );
  await assert.rejects(consent(approvalBy(ben, signed, { campaign: bytes16('c2') })), /found one of c2c2/);
  assert.equal(await consent(approvalBy(ben, signed)), 'running');
  await world.tracker.tick();
  assert.equal((await world.store.totals(c1)).inFlight, 1);
});

test('S0-16: who wrote a release does not roll it out, with whatever key', async () => {
  const world = await createWorld({ operators, persons });
  world.releases.set(String(releaseOf(2).digest), releaseOf(2, { authors: [hexOf(annAgain.public.kid)] }));
  const campaign = (key: typeof ann) => {
    const signed = world.campaign('c1', 2);
    return world.tracker.desk.start(key === operatorKey ? signed : resigned(key, signed), 'test');
  };
  await assert.rejects(campaign(ann), /expected an operator who is not the release's author, found ann/);
  assert.equal((await campaign(operatorKey)).state, 'running');
});

/** The payload of a COSE_Sign1 of ours stands before the signature of 64 bytes and its head. */
function resigned(key: typeof ann, signed: Uint8Array): Uint8Array {
  const start = signed.findIndex(
    (_, at) => signed[at] === 0xac && signed[at + 1] === 1 && signed[at + 2] === 1,
  );
  return signAttached(key, signed.slice(start, signed.length - 66));
}

test('S4-14: a dry run shows each step and each device that does not fit, and starts nothing', async () => {
  const world = await createWorld();
  const lamps = await world.lamps(6);
  await lamps[1]?.checkIn({ imageBytesMax: 10 });
  await lamps[2]?.checkIn({ components: [] });
  await world.tracker.desk.provision(
    { id: 'unheard', key: testKey('unheard').public, vendor: bytes16('aa'), class: bytes16('01') },
    'test',
  );
  const terms = { predicate: 'sequence < 2', gate: { bad: 900, falseHalt: 10, falseGo: 50 } };
  const run = await world.tracker.desk.dryRun(world.campaign('c1', 2, { ...terms, waves: [100, 1000] }));
  const { steps, unfit, ...counts } = run;
  assert.deepEqual(counts, {
    ...{ id: c1, name: 'lamps to 2', meant: 5, fitting: 4, done: 0, notMeant: 0, unknown: 2, unfitCount: 1 },
  });
  assert.deepEqual(unfit, [
    { device: 'lamp-1', because: 'the image does not fit: expected room for 50000 bytes, found 10' },
  ]);
  assert.deepEqual(steps, [
    'urgency normal (by the strategy for every release), until 2026-01-02T00:00:00.000Z',
    'wave 1: sequence number 2 to 1 of 4 devices',
    'wave 2: sequence number 2 to 4 of 4 devices',
    'each wave opens after at least 2 devices without a failure, and at least 10 failures halt it',
    'ends at 2026-01-02T00:00:00.000Z',
  ]);
  assert.deepEqual(await world.store.campaigns(1), []);
});

test('S4-133: why a device is in no campaign, and what it has signed, are told apart', async () => {
  const world = await createWorld();
  await world.lamps(1);
  await world.tracker.desk.start(world.campaign('c1', 2, { predicate: 'zone == "Europe/Berlin"' }), 'test');
  const { explanation, evidence } = await world.tracker.desk.device('lamp-0');
  assert.equal(
    explanation,
    'lamp-0 runs 1.0.1, and no campaign addresses it: ' +
      '"lamps to 2" is for devices with zone == "Europe/Berlin", of which it has not told enough.',
  );
  assert.equal(evidence, 'lamp-0 signed at 2026-01-01T00:00:00.000Z that it runs 1.0.1 and is idle.');
});

test('S3-03: how long devices were exposed is told from their signed words alone', async () => {
  const world = await createWorld();
  const lamps = await world.lamps(10);
  const { desk } = world.tracker;
  await desk.start(world.campaign('c1', 2, { deadline: startMs + 7_200_000 }), 'test');
  await world.tracker.tick();
  for (const lamp of lamps.slice(0, 9)) {
    world.clock.pass(1_800_000);
    await lamp.update();
  }
  const { proof, devices } = await desk.patched(c1);
  assert.deepEqual([proof.devices, proof.patched], [10, 9]);
  assert.deepEqual(proof.toPercentMs, { 50: 5 * 1_800_000, 90: 9 * 1_800_000, 99: undefined });
  // Half hours: 1 to 9 of those that were patched, and 9 of the one that was not.
  assert.equal(proof.exposedDeviceHours, (45 + 9) / 2);
  assert.equal(proof.lateDeviceHours, (1 + 2 + 3 + 4 + 5 + 5) / 2);
  const csv = patchCsv(devices).split('\n');
  assert.equal(csv[0], 'device,exposed_since,patched_at,exposed_ms');
  assert.equal(csv[1], 'lamp-0,2026-01-01T00:00:00.000Z,2026-01-01T00:30:00.000Z,1800000');
  assert.equal(csv[10], 'lamp-9,2026-01-01T00:00:00.000Z,,');
  const plot = patchPlot(proof).split('\n');
  assert.equal(plot.length, 11);
  assert.match(plot[1] ?? '', /^ {2}90 % .*█$/);
  assert.ok(plot.every((line) => line.length <= 90) && plot[0]?.includes('|') === true);
});
