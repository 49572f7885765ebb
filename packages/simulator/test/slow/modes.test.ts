/** The update modes, each played once: what `npm run modes` prints, as tests. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suites } from '../../src/modes-suites.ts';

const seed = 1;

for (const { title, play } of suites) {
  test(`S3-18…S3-38, S4-56…S4-64: ${title}`, async () => {
    const { checks } = await play({ seed, over: 'http' });
    assert.ok(checks.length >= 3);
    const broken = checks.filter(({ holds }) => !holds).map(({ sentence }) => sentence);
    assert.deepEqual(broken, []);
  });
}
