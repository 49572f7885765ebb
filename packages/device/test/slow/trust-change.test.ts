/** The same as `trust-change.test.ts`, cut in every way, and twice. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  begun,
  briefTears,
  changed,
  chip,
  cutAt,
  last,
  next,
  requireOne,
  started,
  tears,
} from '../trust-cuts.ts';
import { maker } from '../trusting.ts';
import { flashOf } from '../world.ts';

test('S1-15: however the power goes in the change, one store is left, the old or the new', () => {
  const from = { content: maker.factory };
  for (let operation = 0; ; operation++) {
    let cuts = 0;
    for (const torn of tears(operation)) {
      const after = cutAt(from, next, operation, torn);
      if (after === undefined) continue;
      cuts++;
      requireOne(after, 0, next, `operation ${operation}, ${JSON.stringify(torn)}`);
    }
    if (cuts > 0) continue;
    assert.ok(operation > 6, `expected the change to take some operations, found ${operation}`);
    return;
  }
});

test('S1-15: nor does a second cut, while a start finishes what the first one left, leave another', () => {
  const flash = flashOf(maker);
  changed(flash, next);
  const from = chip(flash);
  for (let operation = 0; operation < 40; operation++) {
    for (const torn of briefTears(operation)) {
      const after = cutAt(from, last, operation, torn);
      if (after === undefined) continue;
      for (let again = 0; again < 40; again += 1) {
        const tornAgain = briefTears(again + operation)[(again + operation) % 4]!;
        const twice = cutAt(after, last, again, tornAgain);
        if (twice === undefined) break;
        const settled = started(begun(twice)).number;
        const told = `operations ${operation} and ${again}, ${JSON.stringify(torn)}: found ${settled}`;
        assert.ok(settled === 1 || settled === 2, told);
      }
    }
  }
});
