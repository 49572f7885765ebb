/** Power goes while a trust store takes the place of another: exactly one of them holds, whenever it goes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@lapel/simulator';
import { changeTrustStore } from '../src/trust-change.ts';
import { readSound } from '../src/trust-store.ts';
import type { Chip } from './trust-cuts.ts';
import { begun, briefTears, changed, cutAt, next, numberOf, requireOne, started } from './trust-cuts.ts';
import { maker } from './trusting.ts';
import { flashOf } from './world.ts';

const { layout } = maker.profile;
const { trustStore } = layout;
const [zero, one] = trustStore;

test('S1-15: a power cut at any operation of the change leaves exactly one store, the old or the new', () => {
  const from = { content: maker.factory };
  for (let operation = 0; ; operation++) {
    let cuts = 0;
    for (const torn of briefTears(operation)) {
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

test('S4-124: a copy that has rotted is mended before the other one is touched', () => {
  for (const { address } of trustStore) {
    const content = maker.factory.slice();
    content[address + 40] = (content[address + 40] ?? 0) ^ 4;
    const from = { content };
    for (let operation = 0; operation < 40; operation++) {
      const after = cutAt(from, next, operation, { kind: 'metastable', seed: operation });
      if (after !== undefined) requireMended(after, operation);
    }
  }
});

/** As `requireOne`, where a copy that rotted before anything was begun may be left as it is. */
function requireMended(of: Chip, operation: number): void {
  const flash = begun(of);
  const { number } = started(flash);
  assert.ok(number === 0 || number === 1, `operation ${operation}`);
  changed(flash, next);
  for (const copy of trustStore) assert.equal(numberOf(readSound(flash, copy)), 1);
}

test('S1-15: a start that finds nothing begun writes nothing to the trust store', () => {
  const flash = flashOf(maker);
  started(flash);
  const { operations } = flash;
  started(flash);
  assert.equal(flash.operations, operations);
  assert.equal(flash.erasesOf(zero.address) + flash.erasesOf(one.address), 0);
});

test('S1-15: a store that does not fit is not begun', () => {
  const flash = flashOf(maker);
  const { journal: own } = started(flash);
  const before = flash.dump();
  const long = { ...next, device: 'x'.repeat(64), anchors: Array.from({ length: 8 }, () => bulky()) };
  assert.throws(() => changeTrustStore(flash, layout, own, long), { name: 'SuitError' });
  assert.deepEqual(flash.dump(), before);
});

const bulky = () => ({
  key: seededRandom(1).bytes(100),
  components: Array.from({ length: 8 }, () => [seededRandom(2).bytes(60)]),
});
