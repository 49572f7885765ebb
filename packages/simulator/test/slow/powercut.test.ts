/** The power-cut proof, short: each operation of each scenario, once before and once in the middle of it. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { powercut } from '../../src/powercut.ts';
import { powercutScenarios } from '../../src/powercut-scenarios.ts';

const seed = 2;
const folder = await mkdtemp(join(tmpdir(), 'lapel-powercut-'));
after(() => rm(folder, { recursive: true }));

for (const scenario of await powercutScenarios(folder, seed)) {
  test(`S4-41: ${scenario.name}: after any cut, and after two, the device lives on`, async () => {
    const result = await powercut(scenario, { seed, tornEach: 1, wantsPair: (pairs) => pairs < 5 });
    assert.deepEqual(result.violations, [], `seed ${seed}`);
    assert.ok(result.operations > 30);
    assert.equal(result.cuts, 2 * result.operations);
    assert.equal(result.pairs, 5);
  });
}
