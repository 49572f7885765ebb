/** The power-cut proof, short: some cuts of each scenario of each layout; and faults that it has to find. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coverage } from '../../src/powercut-coverage.ts';
import { mutants } from '../../src/powercut-mutant-list.ts';
import { fateOf } from '../../src/powercut-mutants.ts';
import { optionsFrom } from '../../src/powercut-options.ts';
import { planned, tryAll } from '../../src/powercut-plan.ts';
import { linesOf } from '../../src/powercut-report.ts';

const seed = 2;

/** A few lives of each scenario of a layout: its clock goes by lives, so a slow machine tries no less. */
async function tried(profile: string): Promise<void> {
  const options = optionsFrom(['--profile', profile, '--small', '--seconds', '3', '--seed', String(seed)]);
  assert.ok(options !== undefined);
  const coverage = new Coverage();
  const jobs = await planned(options);
  let looks = 0;
  const tallies = await tryAll(jobs, options, coverage, {
    elapsedMs: () => looks++ * 15,
    onProgress: () => undefined,
    onEnd: () => undefined,
  });
  const lines = tallies.flatMap((tally, index) => {
    const job = jobs[index];
    return job === undefined || tally.findings.length === 0 ? [] : linesOf(job, tally, seed);
  });
  assert.deepEqual(lines, []);
  assert.ok(tallies.every(({ cuts, pairs }) => cuts > 5 && pairs > 0));
  assert.deepEqual(coverage.missing, []);
}

test('S4-41, S4-43, S1-02, S4-08, S4-101: two slots: after any cut the device lives on', () =>
  tried('class1'));

test('S4-41, S4-43: one slot that is overwritten: after any cut the device lives on', () =>
  tried('class1-overwrite'));

test('S4-41, S4-43, S1-02: two images that change places: after any cut the device lives on', () =>
  tried('class1-swap'));

test('S4-41, S4-44, S1-01: the old image is deleted first: after any cut the device lives on', () =>
  tried('class1-delete-first'));

test('S4-41, S1-13, S4-44: what is encrypted on its way: after any cut the device lives on', () =>
  tried('class1-encrypted'));

test('S4-41, S4-62, X-88: a manifest that needs another author’s: after any cut the device lives on', () =>
  tried('trusted-applications'));

test('S4-41, S4-102: a secure and a normal side, by one or both: after any cut the device lives on', () =>
  tried('secure-normal'));

test('S4-41, S4-103: two processors and one memory: after any cut the device lives on', () =>
  tried('dual-shared'));

test('S4-41, S4-06: a second stage that is updated: after any cut the device lives on', () =>
  tried('two-stage'));

test('S4-41, S4-09: storage of two kinds: after any cut the device lives on', () => tried('heterogeneous'));

for (const name of [
  'records are appended behind a tail that may be there and not show',
  'an image that did not match is staged',
  'the new image is copied over the old one before that is kept',
]) {
  test(`S4-41: the proof finds it where ${name}`, async () => {
    const mutant = mutants.find((each) => each.name === name);
    assert.ok(mutant !== undefined);
    assert.notEqual((await fateOf(mutant)).violation, undefined);
  });
}
