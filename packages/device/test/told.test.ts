/** What one of two processors was told to run, in the journal. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '@lapel/device';
import { snapshot } from '../src/storage/snapshot.ts';
import { component, fold } from './journals.ts';

const digest = (byte: number) => new Uint8Array(32).fill(byte);
const told = (byte: number): JournalRecord => ({
  name: 'told',
  digest: digest(byte),
  components: [component],
});
const confirmed = (byte: number): JournalRecord => ({
  name: 'confirmed',
  images: [],
  components: [component],
  digest: digest(byte),
  sequenceNumber: byte,
  envelopeBytes: 0,
});
const reverted = (byte: number): JournalRecord => ({
  name: 'reverted',
  digest: digest(byte),
  because: 'sick',
});
const toldIn = (...records: readonly JournalRecord[]) => fold(records).told?.digest;

test('S4-104: what was told stands until it is confirmed or reverted, or another is told', () => {
  assert.deepEqual(toldIn(told(1)), digest(1));
  assert.deepEqual(toldIn(told(1), told(2)), digest(2));
  for (const end of [confirmed, reverted]) {
    assert.equal(toldIn(told(1), end(1)), undefined);
    assert.deepEqual(toldIn(told(1), end(2)), digest(1));
  }
});

test('S4-104: what was told survives the move of the journal, whatever had ended before it', () => {
  for (const records of [
    [told(1)],
    [confirmed(1), told(1)],
    [reverted(1), told(1)],
    [told(1), confirmed(1)],
  ]) {
    const state = fold(records);
    assert.deepEqual(fold(snapshot(state)), state);
    // Behind whatever an older region says.
    assert.deepEqual(fold([told(7), ...snapshot(state)]), state);
  }
});

test('S4-104: one record confirms what other processors keep: their floors rise together', () => {
  const other = [new Uint8Array([7])];
  const { floors, slots } = fold([{ ...confirmed(3), components: [component, other] } as JournalRecord]);
  assert.deepEqual(
    [...floors.values()].map(({ sequenceNumber }) => sequenceNumber),
    [3, 3],
  );
  assert.ok(slots.every(({ state }) => state === 'empty'));
});
