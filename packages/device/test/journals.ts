/** Journals for tests: in a flash of their own, with any record and any history under a seed. */

import assert from 'node:assert/strict';
import type { JournalRecord, Region } from '@lapel/device';
import { Journal } from '@lapel/device';
import type { NorFlash, SeededRandom } from '@lapel/simulator';
import { norFlash } from '@lapel/simulator';
import type { BootRecord } from '../src/storage/boot-record.ts';
import { apply, nothingInstalled } from '../src/storage/boot-record.ts';

export const pageBytes = 2048;
export const regionsOf = (granuleBytes = 8): readonly [Region, Region] => [
  { address: 0, bytes: pageBytes, pageBytes, granuleBytes },
  { address: pageBytes, bytes: pageBytes, pageBytes, granuleBytes },
];
export const regions = regionsOf();
export const geometry = (granuleBytes = 8) => ({ pageBytes, granuleBytes, pages: 2 });
export const blank = (granuleBytes = 8): NorFlash => norFlash({ geometry: geometry(granuleBytes) });
export const copyOf = (content: Uint8Array, granuleBytes = 8) =>
  norFlash({ geometry: geometry(granuleBytes), content });
export const stateIn = (content: Uint8Array, granuleBytes = 8): BootRecord =>
  Journal.open(copyOf(content, granuleBytes), regionsOf(granuleBytes)).bootRecord;
export const fold = (records: readonly JournalRecord[]) => records.reduce(apply, nothingInstalled);

export const component = [new Uint8Array([0])];

/** Any record, sensible after those before it or not. */
export function randomRecord(random: SeededRandom): JournalRecord {
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
      images: [[slot, 2]],
      components: random.below(2) === 0 ? [] : [component],
      digest,
      sequenceNumber,
      envelopeBytes: 1,
      ...binding,
    },
    { name: 'reverted', digest, because, ...binding },
    { name: 'unusable', slot, because },
    { name: 'reported', digest },
    { name: 'floor', component, floor: [sequenceNumber, digest] },
    { name: 'bound', slot, ...binding },
    { name: 'bootFloor', component, sequenceNumber },
    { name: 'moving', from: slot, to: 1 - slot, done: random.below(99) },
    { name: 'moved', from: slot, to: 1 - slot, ...(random.below(2) === 0 ? {} : { kept: 2 }) },
    { name: 'vouched', slot, voucher: digest },
    { name: 'handover', digest },
    { name: 'handedOver' },
    { name: 'told', digest, components: [component], ...binding },
    { name: 'sent', below: sequenceNumber },
    { name: 'receiving', slot, digest, sequenceNumber, envelopeBytes: 9, ruins: [1 - slot] },
  ];
  return choices[random.below(choices.length)] ?? { name: 'attempt', slot };
}

export const equal = (a: unknown, b: unknown) => {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
};
