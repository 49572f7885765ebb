/** The reader of its own: whatever a journal went through, it sees what the device sees. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import type { BootRecord, JournalRecord } from '@lapel/device';
import { Journal, class1, flashBytes } from '@lapel/device';
import { norFlash } from '../src/flash.ts';
import { readFlash } from '../src/flash-reader.ts';
import type { SeededRandom } from '../src/random.ts';
import { seededRandom } from '../src/random.ts';

const { layout } = class1({ imagePages: 2 });
const { geometry } = layout;
const component = [new Uint8Array([0])];

/** What the device's own record says, in the reader's words. */
function told({ slots, floors, bootFloors, move, told: directed }: BootRecord, flash: Uint8Array) {
  const numbers = (of: ReadonlyMap<string, { readonly sequenceNumber: number }>) =>
    new Map([...of].map(([name, { sequenceNumber }]) => [name, sequenceNumber]));
  return {
    floor: Math.max(0, ...numbers(floors).values()),
    floors: numbers(floors),
    bootFloors: numbers(bootFloors),
    moving: move === undefined ? [] : [move.from, move.to, ...(move.kept === undefined ? [] : [move.kept])],
    told: directed === undefined ? undefined : hex(directed.digest),
    slots: slots.slice(0, layout.slots.length).map((slot, index) => {
      const start = layout.slots[index]?.image.address ?? 0;
      const image =
        'imageBytes' in slot
          ? createHash('sha256')
              .update(flash.subarray(start, start + slot.imageBytes))
              .digest('hex')
          : undefined;
      const sequenceNumber = 'sequenceNumber' in slot ? slot.sequenceNumber : undefined;
      const digest = 'digest' in slot ? hex(slot.digest) : undefined;
      return { state: slot.state, sequenceNumber, digest, image };
    }),
  };
}

function randomRecord(random: SeededRandom): JournalRecord {
  const slot = random.below(2);
  const held = { digest: random.bytes(32), sequenceNumber: random.below(2 ** 40), envelopeBytes: 9 };
  const imageBytes = random.below(4096);
  const nonce = random.below(2) === 0 ? {} : { nonce: random.bytes(16), generation: random.below(9) };
  const records: readonly JournalRecord[] = [
    { name: 'receiving', slot, ...held, ...nonce },
    { name: 'receiving', slot, ...held },
    { name: 'progress', slot, offset: 8192, prefix: random.bytes(32) },
    { name: 'staged', slot, imageBytes },
    { name: 'staged', slot, imageBytes },
    { name: 'trial', slot, attempts: 3 },
    { name: 'trial', slot, attempts: 3 },
    { name: 'attempt', slot },
    {
      name: 'confirmed',
      images: [[slot, imageBytes]],
      components: random.below(2) === 0 ? [] : [component],
      ...held,
    },
    { name: 'reverted', digest: random.bytes(32), because: 'sick', rotten: random.below(2) === 0 },
    { name: 'unusable', slot, because: 'rotten' },
    { name: 'reported', digest: random.bytes(32) },
    { name: 'floor', component, floor: [random.below(2 ** 40), random.bytes(32)] },
    { name: 'bound', slot, ...nonce },
    { name: 'bootFloor', component, sequenceNumber: random.below(99) },
    { name: 'moving', from: slot, to: 1 - slot, done: random.below(9) },
    { name: 'moved', from: slot, to: 1 - slot },
    { name: 'told', digest: held.digest, components: [component] },
  ];
  return records[random.below(records.length)] ?? { name: 'attempt', slot };
}

function history(seed: number, length: number) {
  const random = seededRandom(seed);
  const content = random.bytes(flashBytes(geometry));
  for (const { address, bytes } of layout.journal) content.fill(0xff, address, address + bytes);
  return { random, content, records: Array.from({ length }, () => randomRecord(random)) };
}

test('§16: the reader agrees with the device after each record of random histories', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { content, records } = history(seed, 70);
    const flash = norFlash({ geometry, content });
    const journal = Journal.open(flash, layout.journal);
    for (const [step, record] of records.entries()) {
      journal.append(record);
      const now = flash.dump();
      assert.deepEqual(readFlash(now, layout), told(journal.bootRecord, now), `seed ${seed}, step ${step}`);
    }
  }
});

test('§16: the reader agrees with the device about a journal that a power cut tore', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const { random, content, records } = history(seed, 40);
    const cut = { operation: random.below(45), torn: random.below(3) > 0 && random.fork('torn') };
    const flash = norFlash({ geometry, content, cut });
    try {
      const journal = Journal.open(flash, layout.journal);
      for (const record of records) journal.append(record);
    } catch (error) {
      assert.equal((error as Error).name, 'PowerCut');
    }
    const torn = flash.dump();
    const { bootRecord } = Journal.open(norFlash({ geometry, content: torn }), layout.journal);
    assert.deepEqual(readFlash(torn, layout), told(bootRecord, torn), `seed ${seed}`);
  }
});

test('§16: the reader agrees with the device about a journal with damaged bytes', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const { random, content, records } = history(seed, 60);
    const flash = norFlash({ geometry, content });
    const journal = Journal.open(flash, layout.journal);
    for (const record of records) journal.append(record);
    const damaged = flash.dump();
    for (let hits = 1 + random.below(3); hits > 0; hits--) {
      const region = layout.journal[random.below(2)] ?? layout.journal[0];
      damaged[region.address + random.below(region.bytes)] = random.below(256);
    }
    const { bootRecord } = Journal.open(norFlash({ geometry, content: damaged }), layout.journal);
    assert.deepEqual(readFlash(damaged, layout), told(bootRecord, damaged), `seed ${seed}`);
  }
});

test('§9: the reader sees one changed byte of an image', () => {
  const { content } = history(1, 0);
  const flash = norFlash({ geometry, content });
  const journal = Journal.open(flash, layout.journal);
  const held = { digest: new Uint8Array(32), sequenceNumber: 1, envelopeBytes: 9 };
  journal.append({ name: 'confirmed', images: [[1, 100]], components: [component], ...held });
  const before = flash.dump();
  const after = before.slice();
  const last = layout.slots[1].image.address + 99;
  after[last] = (after[last] ?? 0) ^ 1;
  assert.notEqual(readFlash(before, layout).slots[1]?.image, readFlash(after, layout).slots[1]?.image);
});
