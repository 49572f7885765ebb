/** The vectors of our own, one malformed thing in each: made as they lie there, and judged as they say. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFolder } from '../src/conformance-folder.ts';
import { judge } from '../src/conformance-judge.ts';
import { folder } from './own-vectors/index.ts';

const path = join(import.meta.dirname, '../vectors');

test('S0-31: the folder of our own vectors is what its makers make, byte for byte', () => {
  const made = folder();
  assert.deepEqual(readdirSync(path).toSorted(), [...made.keys()].toSorted());
  for (const [name, bytes] of made) {
    assert.deepEqual(new Uint8Array(readFileSync(join(path, name))), bytes, name);
  }
});

test('S1-D, S0-07, S0-08, S4-72 … S4-75, S4-91 … S4-99: each of ours has its verdict and stage', () => {
  const { vectors, around } = openFolder(path, [], 0);
  assert.ok(vectors.length > 300);
  for (const vector of vectors) {
    const surroundings = around(vector);
    const { passed, verdicts } = judge(surroundings.file(vector.file), vector, surroundings);
    assert.ok(passed, `${vector.file}: ${JSON.stringify(verdicts)}`);
  }
});

test('S4-50: every vector that is refused says what was expected and what was found', () => {
  const { vectors, around } = openFolder(path, [], 0);
  for (const vector of vectors.filter(({ expect }) => expect === 'reject')) {
    const surroundings = around(vector);
    const { verdicts } = judge(surroundings.file(vector.file), vector, surroundings);
    for (const { reason } of verdicts) assert.match(reason, /expected .*found |abort$/s, vector.file);
  }
});
