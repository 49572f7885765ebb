/** draft-ietf-suit-report-19: the derived reports, what is held against a manifest, and capabilities. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, read, unhex, write } from '@lapel/cbor';
import type { Report as ReportMessage, SuitRecord } from '@lapel/suit';
import {
  Report,
  SuitError,
  argumentCommands,
  authenticate,
  capabilities,
  digestOf,
  failureResult,
  linux,
  openReport,
  policyCommands,
  requirePlausible,
} from '@lapel/suit';
import {
  anchors,
  at,
  attempt,
  component,
  forge,
  imageOf,
  match,
  perform,
  refusal,
  runSequence,
  set,
} from './forge.ts';
import { exampleKey, missing, vectorBytes, vectorPath } from './public-vectors.ts';

interface ReportVector {
  readonly file: string;
  readonly expect: string;
  readonly why: string;
}

const vectors: readonly ReportVector[] =
  missing === false
    ? (JSON.parse(readFileSync(vectorPath('derived-report', 'index.json'), 'utf8')) as ReportVector[])
    : [];

/** The nonces that were sent for these reports, and no other. */
const nonces = ['nonce-01', 'nonce-02', 'nonce-03'].map((text) => new TextEncoder().encode(text));

/** The one that a report answers; where it answers none of them, the first. */
const sentFor = ({ nonce }: ReportMessage) =>
  nonce === undefined ? undefined : (nonces.find((each) => hex(each) === hex(nonce)) ?? nonces[0]);

function judge(file: string): string {
  const { public: key } = exampleKey();
  const manifest = authenticate(vectorBytes('derived-report', 'manifest.suit'), [{ key }], linux);
  try {
    const { report } = openReport(vectorBytes('derived-report', file), [key]);
    requirePlausible(report, manifest, sentFor(report));
    assert.deepEqual(read(Report, write(Report, report)), report);
    return 'accept';
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    return `reject: ${error.message}`;
  }
}

for (const { file, expect, why } of vectors) {
  test(`X-90: ${file} (${why})`, () => {
    const verdict = judge(file);
    if (expect !== 'accept') assert.match(verdict, /^reject/);
    else assert.equal(verdict, 'accept');
  });
}

test('X-16, X-90: a bare report is none, but in a channel that vouches for it', { skip: missing }, () => {
  const { result } = read(Report, vectorBytes('derived-report', 'R01-success-unprotected.cbor'));
  assert.equal(result, true);
  assert.match(judge('R01-success-unprotected.cbor'), /SUIT_Report: COSE_Sign1/);
});

test('X-90: a report that answers another question is refused', { skip: missing }, () => {
  const { public: key } = exampleKey();
  const manifest = authenticate(vectorBytes('derived-report', 'manifest.suit'), [{ key }], linux);
  const { report } = openReport(vectorBytes('derived-report', 'R02-success-sign1.cbor'), [key]);
  const nonce = new TextEncoder().encode('nonce-01');
  requirePlausible(report, manifest, nonce);
  const other = new TextEncoder().encode('nonce-09');
  assert.throws(() => requirePlausible(report, manifest, other), refusal('setup', 'unauthorised', /nonce/));
  const { nonce: _, ...without } = report;
  assert.throws(() => requirePlausible(without, manifest, nonce), refusal('setup', 'unauthorised', /nonce/));
  requirePlausible(without, manifest, undefined);
});

const firmware = Uint8Array.of(1, 2, 3);

/** A run with records, and what a Recipient would report of it. */
function reported(policy: number) {
  const install = [
    at(0),
    set(imageOf(firmware)),
    runSequence(perform('condition-image-match', policy)),
    at(1),
    match,
  ];
  const envelope = forge({ components: [component(0), component(1)], sections: { install } });
  const { records, failure } = attempt(envelope);
  const manifest = authenticate(envelope, anchors, linux);
  const result = failure === undefined ? true : failureResult(failure.error.reason, failure.record);
  const report: ReportMessage = { records, result, reference: ['coap://x', digestOf(manifest.digest)] };
  return { report, manifest };
}

test('X-90: what a Recipient reports of its own run is plausible, nested records included', () => {
  const { report, manifest } = reported(3);
  assert.equal(report.records.length, 1);
  requirePlausible(report, manifest, undefined);
});

test('X-90: a record where no command stands, or none that is recorded, is refused', () => {
  const { report, manifest } = reported(3);
  const [record] = report.records as readonly SuitRecord[];
  assert.ok(record !== undefined);
  const moved = (change: Partial<SuitRecord>) => ({ ...report, records: [{ ...record, ...change }] });
  for (const change of [{ offset: record.offset + 1 }, { section: 7 }, { section: 99 }, { offset: 1e6 }]) {
    assert.throws(
      () => requirePlausible(moved(change), manifest, undefined),
      refusal('setup', 'unauthorised', /expected a command that is recorded/),
    );
  }
  const { report: silent, manifest: unrecorded } = reported(0);
  assert.deepEqual(silent.records, []);
  assert.throws(
    () => requirePlausible({ ...silent, records: [record] }, unrecorded, undefined),
    refusal('setup', 'unauthorised'),
  );
  const failed = {
    ...report,
    result: failureResult('condition-failed', { ...record, offset: record.offset + 1 }),
  };
  assert.throws(() => requirePlausible(failed, manifest, undefined), refusal('setup', 'unauthorised'));
});

test('S1-19, X-90: a capability report lists what is supported, dependencies or none', () => {
  const everything = [{ component: [unhex('6673')!], andBelow: true }];
  const whole = capabilities({ dependencies: { anchors, countMax: 1, depthMax: 1 } }, everything, [-9]);
  const codes = [...Object.values(policyCommands), ...Object.values(argumentCommands)];
  assert.deepEqual(new Set(whole.commands), new Set(codes));
  const { report } = reported(3);
  const told = { ...report, capability: whole };
  assert.deepEqual(read(Report, write(Report, told)), told);
  const without = capabilities({}, everything, [-9]);
  for (const code of [7, 8, 11, 33]) assert.ok(!without.commands.includes(code));
  assert.deepEqual(without.common, [2, 4]);
  assert.equal(without.dependency, undefined);
});
