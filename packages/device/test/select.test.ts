/** Which slots the bootloader tries, and in which order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { class1 } from '@lapel/device';
import { select, exhausted as spent } from '../src/bootloader/select.ts';
import { nothingInstalled } from '../src/storage/boot-record.ts';
import type { SlotState } from '../src/storage/slot-state.ts';
import { noSlots } from '../src/storage/slot-state.ts';

const { layout } = class1();
const [, , ...rest] = noSlots;

const held = { digest: new Uint8Array(32), envelopeBytes: 1, imageBytes: 1, binding: {} };
const empty: SlotState = { state: 'empty' };
const unusable: SlotState = { state: 'unusable', because: 'rotten' };
const receiving = (sequenceNumber: number): SlotState => ({
  state: 'receiving',
  offset: 0,
  ...held,
  sequenceNumber,
});
const staged = (sequenceNumber: number): SlotState => ({ state: 'staged', ...held, sequenceNumber });
const confirmed = (sequenceNumber: number): SlotState => ({ state: 'confirmed', ...held, sequenceNumber });
const trial = (sequenceNumber: number, attemptsLeft: number): SlotState => ({
  state: 'trial',
  attemptsLeft,
  ...held,
  sequenceNumber,
});

type Row = readonly [name: string, slots: readonly [SlotState, SlotState], order: string, exhausted: string];

const table: readonly Row[] = [
  ['nothing on an empty device', [empty, empty], '', ''],
  ['nothing where nothing is complete', [receiving(1), unusable], '', ''],
  ['never what is only staged', [confirmed(1), staged(2)], '0', ''],
  ['never what is being received', [receiving(2), confirmed(1)], '1', ''],
  ['the confirmed one', [confirmed(1), empty], '0', ''],
  ['the confirmed one with the higher sequence number first', [confirmed(1), confirmed(2)], '10', ''],
  ['and in the other order of slots', [confirmed(3), confirmed(2)], '01', ''],
  ['the trial before what is confirmed', [confirmed(1), trial(2, 3)], '10', ''],
  ['the trial before a confirmed one with a higher number', [trial(2, 1), confirmed(5)], '01', ''],
  ['the trial to its last attempt', [confirmed(1), trial(2, 1)], '10', ''],
  ['no trial without attempts', [confirmed(1), trial(2, 0)], '0', '1'],
  ['nothing where the only image had its attempts', [trial(1, 0), unusable], '', '0'],
];

for (const [name, slots, order, exhausted] of table) {
  test(`RFC 9019 §4.1, S4-117: the bootloader tries ${name}`, () => {
    const [first, second] = slots;
    const record = { ...nothingInstalled, slots: [first, second, ...rest] } as const;
    const tried = new Set<number>();
    for (let parts; (parts = select(record, layout, { refused: tried })) !== undefined;) {
      tried.add(parts[0].slot);
    }
    assert.equal([...tried].join(''), order);
    const ended = spent(record).map((state) => record.slots.indexOf(state));
    assert.equal(ended.join(''), exhausted);
  });
}
