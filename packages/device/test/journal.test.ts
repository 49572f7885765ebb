/** The journal: one record is one change of state, whatever the power and the flash do meanwhile. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '@lapel/device';
import { Journal } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { norFlash, seededRandom } from '@lapel/simulator';
import { apply, nothingInstalled } from '../src/storage/boot-record.ts';
import { snapshot } from '../src/storage/snapshot.ts';
import { inRecord } from '../src/storage/journal-record.ts';
import { readRegion } from '../src/storage/journal-region.ts';
import {
  blank,
  component,
  copyOf,
  equal,
  fold,
  geometry,
  randomRecord,
  regions,
  regionsOf,
  stateIn,
} from './journals.ts';

for (const granuleBytes of [1, 4, 8, 16, 32]) {
  test(`§16: what is appended is there after a restart, in granules of ${granuleBytes} bytes`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const flash = blank(granuleBytes);
      let journal = Journal.open(flash, regionsOf(granuleBytes));
      let expected = nothingInstalled;
      for (let step = 0; step < 120; step++) {
        if (random.below(4) === 0) journal = Journal.open(flash, regionsOf(granuleBytes));
        const record = randomRecord(random);
        journal.append(record);
        expected = apply(expected, record);
        assert.deepEqual(journal.bootRecord, expected, `seed ${seed}, step ${step}`);
        assert.deepEqual(stateIn(flash.dump(), granuleBytes), expected, `seed ${seed}, step ${step}`);
      }
    }
  });
}

test('§16: the records that a state is written as make the same state again', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const records = Array.from({ length: 30 }, () => randomRecord(random));
    const state = fold(records);
    assert.deepEqual(fold(snapshot(state)), state, `seed ${seed}`);
    assert.deepEqual(fold([...snapshot(state), ...snapshot(state)]), state, `seed ${seed}, told twice`);
  }
});

test('S4-41: a power cut before or in any operation leaves the state before the record or after it', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const history = Array.from({ length: 60 }, (_, step) => randomRecord(seededRandom(seed).fork(`${step}`)));
    const whole = run(blank(), history).flash;
    for (let operation = 0; operation < whole.operations; operation++) {
      for (const isTorn of [false, true]) {
        const where = `seed ${seed}, ${isTorn ? 'in' : 'before'} operation ${operation}`;
        const torn = isTorn && seededRandom(seed).fork(`${operation}`);
        const { flash, appended } = run(
          norFlash({ geometry: geometry(), cut: { operation, torn } }),
          history,
        );
        const mended = copyOf(flash.dump());
        const found = Journal.open(mended, regions).bootRecord;
        const states = [fold(history.slice(0, appended)), fold(history.slice(0, appended + 1))];
        assert.ok(
          states.some((state) => equal(state, found)),
          `${where}: neither before nor after`,
        );
        // What was mended stays so, is whole, and takes more.
        const kept = regions.map((region) => readRegion(mended, region));
        assert.ok(
          kept.some(({ header, isSound }) => typeof header === 'object' && isSound),
          where,
        );
        assert.deepEqual(stateIn(mended.dump()), found, where);
        Journal.open(mended, regions).append({ name: 'attempt', slot: 0 });
        assert.deepEqual(stateIn(mended.dump()), apply(found, { name: 'attempt', slot: 0 }), where);
      }
    }
  }
});

/** Appends until the end, or until the power goes. */
function run(flash: NorFlash, history: readonly JournalRecord[]) {
  let appended = 0;
  try {
    const journal = Journal.open(flash, regions);
    for (const record of history) {
      journal.append(record);
      appended++;
    }
  } catch (error) {
    assert.equal((error as Error).name, 'PowerCut');
  }
  return { flash, appended };
}

test('S4-40, S4-41: a tail that ends at any byte leaves the state before its record', () => {
  const random = seededRandom(7);
  const history = Array.from({ length: 8 }, () => randomRecord(random));
  const before = run(blank(), history).flash.dump();
  const last: JournalRecord = { name: 'floor', component, floor: [2 ** 31, random.bytes(32)] };
  const after = run(blank(), [...history, last]).flash.dump();
  const start = before.findIndex((byte, at) => byte !== after[at]);
  const end = after.findLastIndex((byte, at) => byte !== before[at]) + 1;
  assert.ok(end - start > 40);
  for (let length = 0; length < end - start; length++) {
    const content = before.slice();
    content.set(after.subarray(start, start + length), start);
    assert.deepEqual(stateIn(content), fold(history), `${length} bytes of the last record`);
  }
  assert.deepEqual(stateIn(after), fold([...history, last]));
});

test('S4-41: a state that outgrows the journal is refused, and what is there stays as it is', () => {
  const flash = blank();
  const journal = Journal.open(flash, regions);
  const floor = (index: number): JournalRecord => ({
    name: 'floor',
    component: [new Uint8Array([index])],
    floor: [index, new Uint8Array(32).fill(index)],
  });
  let appended = 0;
  assert.throws(() => {
    for (; appended < 100; appended++) journal.append(floor(appended));
  }, /^RangeError: expected a journal region of at least \d+ bytes, found 2048$/);
  assert.ok(appended > 20);
  const { operations } = flash;
  assert.throws(() => journal.append(floor(appended)), RangeError);
  assert.equal(flash.operations, operations);
  assert.deepEqual(stateIn(flash.dump()), fold(Array.from({ length: appended }, (_, index) => floor(index))));
});

test('S4-41: regions too small for a device are refused before anything is written', () => {
  const flash = norFlash({ geometry: { pageBytes: 1024, granuleBytes: 8, pages: 2 } });
  const small = [
    { address: 0, bytes: 1024, pageBytes: 1024, granuleBytes: 8 },
    { address: 1024, bytes: 1024, pageBytes: 1024, granuleBytes: 8 },
  ] as const;
  assert.throws(() => Journal.open(flash, small), {
    message: 'expected journal regions of at least 2048 bytes, found 1024',
  });
  assert.equal(flash.operations, 0);
});

test('S4-41: the largest state of a device fits, with its longest record behind it', () => {
  const most = Number.MAX_SAFE_INTEGER;
  const because = inRecord('€'.repeat(500));
  const digest = new Uint8Array(32);
  const binding = { nonce: new Uint8Array(16), generation: most };
  const reverted: JournalRecord = { name: 'reverted', digest, because, ...binding, rotten: true };
  const largest: readonly JournalRecord[] = [
    { name: 'floor', component: [new Uint8Array(16)], floor: [most, digest] },
    { ...reverted, times: most },
    { name: 'unusable', slot: 0, because },
    { name: 'unusable', slot: 1, because },
    {
      ...{ name: 'managed', state: 2, result: 11, digest, packageUri: 'x'.repeat(255) },
      ...{ severity: 2, deferSecondsMax: most, isAutomatic: true },
    },
  ];
  const journal = Journal.open(blank(), regions);
  for (let round = 0; round < 10; round++) for (const record of largest) journal.append(record);
  journal.duplicate();
  journal.append(reverted);
});

test('S3-07: where there is no room, of what LwM2M sees only the URI of its package is forgotten', () => {
  const because = inRecord('€'.repeat(500));
  const digest = new Uint8Array(32);
  const packageUri = `coap://${'x'.repeat(248)}`;
  const journal = Journal.open(blank(), regions);
  const managed: JournalRecord = { name: 'managed', state: 1, result: 0, digest, packageUri };
  journal.append(managed);
  journal.duplicate();
  assert.deepEqual(journal.bootRecord.managed, managed);
  const binding = { nonce: new Uint8Array(16), generation: Number.MAX_SAFE_INTEGER };
  for (let round = 0; round < 5; round++) {
    journal.append({ name: 'reverted', digest, because, ...binding });
    for (const slot of [0, 1]) journal.append({ name: 'unusable', slot, because });
    journal.append({ name: 'reverted', digest, because, ...binding, rotten: true });
  }
  journal.duplicate();
  assert.deepEqual(journal.bootRecord.managed, { name: 'managed', state: 1, result: 0, digest });
});

test('§16: a record that cannot be read back is not written, and harms nothing', () => {
  const flash = blank();
  const journal = Journal.open(flash, regions);
  const { operations } = flash;
  const bad: readonly JournalRecord[] = [
    { name: 'unusable', slot: 0, because: 'x'.repeat(129) },
    { name: 'unusable', slot: 0, because: '\ud800' },
    { name: 'trial', slot: 0, attempts: -1 },
    { name: 'reported', digest: new Uint8Array(48) },
    { name: 'bound', slot: 0, nonce: new Uint8Array(17) },
  ];
  for (const record of bad) assert.throws(() => journal.append(record), { name: 'CborError' });
  assert.equal(flash.operations, operations);
  journal.append({ name: 'unusable', slot: 0, because: 'rotten' });
  assert.deepEqual(stateIn(flash.dump()).slots[0], { state: 'unusable', because: 'rotten' });
});

test('S4-41: an explanation of any length and any characters can be written', () => {
  const journal = Journal.open(blank(), regions);
  for (const text of ['', 'x'.repeat(5000), '💡'.repeat(100), `${'x'.repeat(127)}💡`, '\udc00']) {
    journal.append({ name: 'unusable', slot: 0, because: inRecord(text) });
  }
});

test('§16: opening a sound journal writes nothing', () => {
  const random = seededRandom(8);
  const flash = run(
    blank(),
    Array.from({ length: 50 }, () => randomRecord(random)),
  ).flash;
  // The first start behind a change says that it has read it.
  Journal.open(flash, regions);
  const { operations } = flash;
  Journal.open(flash, regions);
  assert.equal(flash.operations, operations);
});
