import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Evidence } from '@lapel/status-tracker';
import type { Offer } from '@lapel/status-tracker/protocol';
import { systemClock } from '@lapel/transport';
import { missingPostgres, startPostgres } from '../../../../tools/postgres-server.ts';
import { runChaos } from '../../src/chaos/chaos.ts';
import { createLedger } from '../../src/chaos/ledger.ts';

const seed = 26;

test('S3-10: with trackers killed and out of room no report is lost, no campaign goes back', async () => {
  const { counts, findings } = await runChaos({ seed, seconds: 12, devices: 12, clock: systemClock });
  assert.deepEqual(findings, [], `seed ${seed}`);
  assert.ok((counts['reports'] ?? 0) > 0, 'devices have updated');
});

test(
  'S3-10: two trackers on one database that crashes lose and repeat nothing, either',
  { skip: missingPostgres },
  async () => {
    const postgres = await startPostgres();
    try {
      const clock = systemClock;
      const { counts, findings } = await runChaos({ seed, seconds: 8, devices: 8, clock, postgres });
      assert.deepEqual(findings, [], `seed ${seed}`);
      assert.ok((counts['reports'] ?? 0) > 0, 'devices have updated');
    } finally {
      await postgres.stop();
    }
  },
);

const digest = new Uint8Array(32).fill(1);
const running = { sequenceNumber: 1, manifestDigest: digest, toldMs: 0 };
const id = 'c1'.repeat(16);
const offer: Offer = {
  ...{ version: 1, campaign: Buffer.from(id, 'hex'), generation: 1, uri: '/x', digest, expires: 9 },
  nonce: new Uint8Array(16),
};
const reportOf = (signed: Uint8Array): Evidence => ({
  kind: 'report',
  atMs: 1,
  device: 'a',
  outcome: 'ok',
  signed,
});

test('S3-10: every contradiction that the proof looks for is found where it is', () => {
  const found = (
    act: (ledger: ReturnType<typeof createLedger>) => void,
    nowMs = () => 5,
  ): readonly string[] => {
    const ledger = createLedger(nowMs);
    ledger.campaign({ id, className: 'lamp', digest, sequenceNumber: 2 });
    act(ledger);
    return ledger.findings;
  };
  assert.deepEqual(
    found((ledger) => {
      ledger.offered('a', 'lamp', running, offer, 1);
      ledger.taken('a', digest);
      ledger.judge('a', [reportOf(digest)]);
      ledger.glance(id, { state: 'running', generation: 1, orderNumber: 0 });
      ledger.glance(id, { state: 'halted', generation: 2, orderNumber: 1 });
    }),
    [],
  );
  const wrong: readonly (readonly [RegExp, Parameters<typeof found>[0]])[] = [
    [/lost/, (ledger) => (ledger.taken('a', digest), ledger.judge('a', []))],
    [/twice/, (ledger) => ledger.judge('a', [reportOf(digest), reportOf(digest)])],
    [/nobody signed/, (ledger) => ledger.offered('a', 'lamp', running, { ...offer, campaign: digest }, 1)],
    [/for lamp/, (ledger) => ledger.offered('a', 'meter', running, offer, 1)],
    [
      /another manifest/,
      (ledger) => ledger.offered('a', 'lamp', running, { ...offer, digest: offer.nonce }, 1),
    ],
    [/runs 3/, (ledger) => ledger.offered('a', 'lamp', { ...running, sequenceNumber: 3 }, offer, 1)],
    [
      /after it was aborted/,
      (ledger) => (ledger.aborted(id), ledger.offered('a', 'lamp', running, offer, 6)),
    ],
    [
      /generation 1 after 2/,
      (ledger) => {
        ledger.offered('a', 'lamp', running, { ...offer, generation: 2 }, 1);
        ledger.offered('a', 'lamp', running, offer, 6);
      },
    ],
    [
      /went from/,
      (ledger) => {
        ledger.glance(id, { state: 'aborted', generation: 2, orderNumber: 1 });
        ledger.glance(id, { state: 'running', generation: 2, orderNumber: 1 });
      },
    ],
  ];
  for (const [expected, act] of wrong) assert.match(found(act).join(), expected);
});
