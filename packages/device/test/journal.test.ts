/** The journal: one record is one change of state, whatever the power and the flash do meanwhile. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flash, JournalRecord, Region } from '@lapel/device';
import { Journal } from '@lapel/device';
import type { NorFlash, SeededRandom } from '@lapel/simulator';
import { norFlash, seededRandom } from '@lapel/simulator';
import type { BootRecord } from '../src/storage/boot-record.ts';
import { apply, nothingInstalled, snapshot } from '../src/storage/boot-record.ts';
import { inRecord } from '../src/storage/journal-record.ts';
import { encodeHeader, encodeRecord, readRegion } from '../src/storage/journal-region.ts';

const pageBytes = 2048;
const regions: readonly [Region, Region] = [
  { address: 0, bytes: pageBytes },
  { address: pageBytes, bytes: pageBytes },
];
const geometry = (granuleBytes = 8) => ({ pageBytes, granuleBytes, pages: 2 });
const blank = (granuleBytes = 8): NorFlash => norFlash({ geometry: geometry(granuleBytes) });
const copyOf = (content: Uint8Array, granuleBytes = 8) =>
  norFlash({ geometry: geometry(granuleBytes), content });
const stateIn = (content: Uint8Array, granuleBytes = 8): BootRecord =>
  Journal.open(copyOf(content, granuleBytes), regions).bootRecord;
const fold = (records: readonly JournalRecord[]) => records.reduce(apply, nothingInstalled);

const component = [new Uint8Array([0])];

/** Any record, sensible after those before it or not. */
function randomRecord(random: SeededRandom): JournalRecord {
  const slot = random.below(2);
  const digest = random.bytes(32);
  const sequenceNumber = random.below(2 ** 31);
  const binding = random.below(2) === 0 ? {} : { nonce: random.bytes(16), generation: random.below(99) };
  const because = 'x'.repeat(random.below(129));
  const choices: readonly JournalRecord[] = [
    { name: 'receiving', slot, digest, sequenceNumber, envelopeBytes: random.below(4096), ...binding },
    { name: 'progress', slot, offset: random.below(2 ** 20), prefix: digest },
    { name: 'staged', slot, imageBytes: random.below(2 ** 20) },
    { name: 'trial', slot, attempts: random.below(9) },
    { name: 'attempt', slot },
    {
      name: 'confirmed',
      slot,
      components: random.below(2) === 0 ? [] : [component],
      digest,
      sequenceNumber,
      envelopeBytes: 1,
      imageBytes: 2,
      ...binding,
    },
    { name: 'reverted', slot, digest, because, ...binding },
    { name: 'unusable', slot, because },
    { name: 'reported', digest },
    { name: 'floor', component, floor: [sequenceNumber, digest] },
    { name: 'bound', slot, ...binding },
  ];
  return choices[random.below(choices.length)] ?? { name: 'attempt', slot };
}

for (const granuleBytes of [1, 4, 8, 16, 32]) {
  test(`§16: what is appended is there after any restart, and no granule of ${granuleBytes} bytes is programmed twice`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const flash = blank(granuleBytes);
      let journal = Journal.open(flash, regions);
      let expected = nothingInstalled;
      for (let step = 0; step < 120; step++) {
        if (random.below(4) === 0) journal = Journal.open(flash, regions);
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
        // What was mended stays so, and takes more.
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

const equal = (a: unknown, b: unknown) => {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
};

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

/** A journal that was written anew at least once, and then some more. */
function worn(seed: number): { readonly content: Uint8Array; readonly state: BootRecord } {
  const random = seededRandom(seed);
  const flash = blank();
  const journal = Journal.open(flash, regions);
  for (let step = 0; step < 45; step++) journal.append(randomRecord(random));
  return { content: flash.dump(), state: journal.bootRecord };
}

/** Where each record lies and what it says, older region first. */
function placedIn(content: Uint8Array) {
  const flash = copyOf(content);
  return regions
    .map((region) => readRegion(flash, region))
    .filter(({ header }) => typeof header === 'number')
    .toSorted((a, b) => Number(a.header) - Number(b.header))
    .flatMap(({ region, placed }) => {
      let at = region.address + 16;
      return placed.map((each) => {
        const { length } = encodeRecord(each, 8);
        at += length;
        return { ...each, start: at - length, end: at };
      });
    });
}

test('S4-40: one damaged byte costs at most what its record said, and what is left is stable', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { content, state } = worn(seed);
    const placed = placedIn(content);
    const random = seededRandom(seed).fork('damage');
    for (let at = 0; at < content.length; at += 1 + random.below(12)) {
      const damaged = content.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      const where = `seed ${seed}, byte ${at}`;
      const left = placed.filter(({ start, end }) => at < start || at >= end).map(({ record }) => record);
      // Padding and blank flash say nothing; a damaged header hides nothing.
      const expected = left.length === placed.length ? [state] : [fold(left), state];
      const flash = copyOf(damaged);
      const found = Journal.open(flash, regions).bootRecord;
      assert.ok(
        expected.some((each) => equal(each, found)),
        where,
      );
      assert.deepEqual(stateIn(flash.dump()), found, `${where}, once more`);
    }
  }
});

test('S4-40: any damage to one region never takes a floor or a confirmed image that was written twice', () => {
  const { state } = worn(3);
  const image = {
    digest: new Uint8Array(32).fill(9),
    sequenceNumber: 5,
    envelopeBytes: 300,
    imageBytes: 900,
  };
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const flash = blank();
    const journal = Journal.open(flash, regions);
    for (let step = random.below(30); step > 0; step--) journal.append(randomRecord(random));
    const floor = journal.bootRecord.floors.get('00')?.sequenceNumber ?? 0;
    const sequenceNumber = floor + 1;
    journal.append({ name: 'confirmed', slot: 1, components: [component], ...image, sequenceNumber });
    journal.duplicate();
    const content = flash.dump();
    const region = regions[random.below(2)] ?? regions[0];
    for (let hits = 1 + random.below(200); hits > 0; hits--) {
      content[region.address + random.below(region.bytes)] = random.below(256);
    }
    const found = stateIn(content);
    assert.equal(found.floors.get('00')?.sequenceNumber, sequenceNumber, `seed ${seed}`);
    assert.equal(found.slots[1].state, 'confirmed', `seed ${seed}`);
  }
  assert.ok(state);
});

test('§16: a header that is damaged or torn hides none of the records behind it', () => {
  const { content, state } = worn(4);
  for (const { address } of regions) {
    for (let at = address; at < address + 12; at++) {
      const damaged = content.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      assert.deepEqual(stateIn(damaged), state, `byte ${at}`);
    }
  }
});

test('§16: generations and orders count on from 0 behind their last number', () => {
  const record: JournalRecord = { name: 'floor', component, floor: [7, new Uint8Array(32)] };
  const flash = blank();
  flash.program(16, encodeRecord({ record, order: 0xffff_fffe }, 8));
  flash.program(0, encodeHeader(0xffff_ffff, 8));
  const journal = Journal.open(flash, regions);
  assert.deepEqual(journal.bootRecord, fold([record]));
  const random = seededRandom(5);
  let expected = fold([record]);
  for (let step = 0; step < 100; step++) {
    const next = randomRecord(random);
    journal.append(next);
    expected = apply(expected, next);
    assert.deepEqual(stateIn(flash.dump()), expected, `step ${step}`);
  }
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
    { address: 0, bytes: 1024 },
    { address: 1024, bytes: 1024 },
  ] as const;
  assert.throws(() => Journal.open(flash, small), {
    message: 'expected journal regions of at least 2048 bytes, found 1024',
  });
  assert.equal(flash.operations, 0);
});

test('S4-41: the largest state of a device with one component fits, with its longest record behind it', () => {
  const most = Number.MAX_SAFE_INTEGER;
  const because = inRecord('€'.repeat(500));
  const digest = new Uint8Array(32);
  const binding = { nonce: new Uint8Array(16), generation: most };
  const reverted: JournalRecord = { name: 'reverted', slot: 0, digest, because, ...binding, rotten: true };
  const largest: readonly JournalRecord[] = [
    { name: 'floor', component: [new Uint8Array(16)], floor: [most, digest] },
    { ...reverted, times: most },
    { name: 'unusable', slot: 0, because },
    { name: 'unusable', slot: 1, because },
  ];
  const journal = Journal.open(blank(), regions);
  for (let round = 0; round < 10; round++) for (const record of largest) journal.append(record);
  journal.duplicate();
  journal.append(reverted);
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
  const { content } = worn(8);
  const flash: Flash & { readonly operations: number } = copyOf(content);
  Journal.open(flash, regions);
  const { operations } = flash;
  Journal.open(flash, regions);
  assert.equal(flash.operations, operations);
});
