/** Simulated time: it passes while everybody sleeps, in the order in which they wake. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { simulatedClock } from '../src/clock.ts';

test('§9: sleepers wake in the order of their time, and each at its own', async () => {
  const clock = simulatedClock();
  const woken: string[] = [];
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} ${clock.monotonicMs()}`);
  };
  await Promise.all([sleep('late', 3_600_000), sleep('soon', 5), sleep('first', 0), sleep('also soon', 5)]);
  assert.deepEqual(woken, ['first 0', 'soon 5', 'also soon 5', 'late 3600000']);
});

test('§9: time stands still while a file is read', async () => {
  const clock = simulatedClock();
  const done = new AbortController();
  const deadline = clock.sleep(1, done.signal).then(
    () => 'too late',
    () => 'in time',
  );
  for (let count = 0; count < 20; count++) await readFile(import.meta.filename);
  done.abort();
  assert.equal(await deadline, 'in time');
  assert.equal(clock.monotonicMs(), 0);
});

test('§9: a sleeper whose signal fires rejects with its reason, and takes no time', async () => {
  const clock = simulatedClock();
  const reason = new Error('enough');
  await assert.rejects(clock.sleep(10, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = clock.sleep(10, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
  await clock.sleep(1);
  assert.equal(clock.monotonicMs(), 1);
});
