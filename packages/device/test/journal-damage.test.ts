/** What damage to the journal can do, and what it cannot. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '@lapel/device';
import { Journal } from '@lapel/device';
import { seededRandom } from '@lapel/simulator';
import type { BootRecord } from '../src/storage/boot-record.ts';
import { apply } from '../src/storage/boot-record.ts';
import type { RegionContent } from '../src/storage/journal-region.ts';
import { encodeHeader, encodeRecord, readRegion } from '../src/storage/journal-region.ts';
import { blank, component, copyOf, equal, fold, randomRecord, regions, stateIn } from './journals.ts';

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
    .filter(({ header }) => typeof header === 'object')
    .toSorted((a, b) => generationOf(a) - generationOf(b))
    .flatMap(({ region, placed }) => {
      let at = region.address + 16;
      return placed.map((each) => {
        const { length } = encodeRecord(each, 8);
        at += length;
        return { ...each, start: at - length, end: at };
      });
    });
}

const generationOf = ({ header }: RegionContent): number =>
  typeof header === 'object' ? header.generation : -1;

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

test('S4-40: no damage to one region takes a floor or an image that both regions tell of', () => {
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
    journal.append({
      name: 'confirmed',
      images: [[1, 1]],
      components: [component],
      ...image,
      sequenceNumber,
    });
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
});

test('§16: a header that is damaged or torn hides none of the records behind it', () => {
  const { content, state } = worn(4);
  for (const { address } of regions) {
    for (let at = address; at < address + 16; at++) {
      const damaged = content.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      assert.deepEqual(stateIn(damaged), state, `byte ${at}`);
    }
  }
});

test('S4-40: no record lowers a floor', () => {
  const digest = new Uint8Array(32);
  const high: JournalRecord = { name: 'floor', component, floor: [7, digest] };
  const low: JournalRecord = { name: 'floor', component, floor: [3, digest] };
  const held = { digest, sequenceNumber: 4, envelopeBytes: 1 };
  const older: JournalRecord = { name: 'confirmed', images: [[1, 1]], components: [component], ...held };
  const state = fold([high, low, older]);
  assert.equal(state.floors.get('00')?.sequenceNumber, 7);
  assert.equal(state.slots[1].state, 'confirmed');
});

test('§16: a record whose order is below the one before it is a left-over', () => {
  const flash = blank();
  const record = (sequenceNumber: number): JournalRecord => ({
    name: 'floor',
    component,
    floor: [sequenceNumber, new Uint8Array(32)],
  });
  const first = encodeRecord({ record: record(1), order: 5 }, 8);
  flash.program(16, first);
  flash.program(16 + first.length, encodeRecord({ record: record(9), order: 4 }, 8));
  flash.program(0, encodeHeader({ generation: 1, next: 6 }, 8));
  assert.deepEqual(Journal.open(flash, regions).bootRecord, fold([record(1)]));
});

test('§16: generations and orders count on from 0 behind their last number', () => {
  const record: JournalRecord = { name: 'floor', component, floor: [7, new Uint8Array(32)] };
  const flash = blank();
  flash.program(16, encodeRecord({ record, order: 0xffff_fffe }, 8));
  flash.program(0, encodeHeader({ generation: 0xffff_ffff, next: 0xffff_ffff }, 8));
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
