import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { runRollout } from './plan-text.ts';

const folder = new URL('./plan/', import.meta.url);

for (const name of readdirSync(folder).toSorted()) {
  const text = readFileSync(new URL(name, folder), 'utf8');
  const [title = name] = text.split('\n', 1);
  test(`${title.replace(/^# /, '')} (${name})`, async () => {
    assert.equal(await runRollout(text), text);
  });
}
