/** A state as the fewest records that make it again, and the record that confirms an update. */

import { compareBytes } from '@lapel/cbor';
import type { AuthenticManifest, ComponentIdentifier } from '@lapel/suit';
import type { BootRecord } from './boot-record.ts';
import type { JournalRecord, RecordOf } from './journal-record.ts';
import type { SlotState, Whole } from './slot-state.ts';
import { isComplete, stateOf } from './slot-state.ts';

/** What a compaction writes. */
export function snapshot(record: BootRecord): readonly JournalRecord[] {
  const { floors, bootFloors, reverted, spoiled, slots, move, handover, told } = record;
  const empty = slots.flatMap(({ state }, slot) => (state === 'empty' ? [slot] : []));
  const found: JournalRecord[] = [{ name: 'cleared', slots: empty }];
  for (const { component, sequenceNumber, manifestDigest } of floors.values()) {
    found.push({ name: 'floor', component, floor: [sequenceNumber, manifestDigest] });
  }
  for (const floor of bootFloors.values()) found.push({ name: 'bootFloor', ...floor });
  if (reverted !== undefined) {
    const { binding, ...rest } = reverted;
    found.push({ name: 'reverted', ...rest, ...binding });
  }
  if (spoiled !== undefined) found.push({ name: 'spoiled', ...spoiled });
  slots.forEach((state, slot) => found.push(...slotSnapshot(state, slot)));
  if (move !== undefined) found.push({ name: 'moving', ...move });
  if (handover !== undefined) found.push({ name: 'handover', digest: handover });
  if (told !== undefined) {
    const { binding, ...rest } = told;
    found.push({ name: 'told', ...rest, ...binding });
  }
  const { trustHeldIn: holds, newest, sentBelow: below, managed } = record;
  if (holds !== undefined) found.push({ name: 'trust', holds });
  if (newest !== undefined) found.push(newest);
  if (below > 0) found.push({ name: 'sent', below });
  if (managed !== undefined) found.push(managed);
  return found;
}

/** Without what is kept only for convenience: that gives way where a state would not fit. */
export function withoutComforts(record: BootRecord): BootRecord {
  if (record.managed === undefined) return record;
  const { packageUri: _, ...managed } = record.managed;
  return { ...record, managed };
}

/**
 * The record that confirms the update that lies in a slot, in all its slots; undefined where nothing
 * complete lies there.
 */
export function confirmation(
  { slots }: BootRecord,
  slot: number,
  components: readonly ComponentIdentifier[],
): RecordOf<'confirmed'> | undefined {
  const held = stateOf(slots, slot);
  if (!isComplete(held)) return undefined;
  const images = slots.flatMap((state, index): (readonly [number, number])[] =>
    isComplete(state) && compareBytes(state.digest, held.digest) === 0 ? [[index, state.imageBytes]] : [],
  );
  return confirmed(held, images, components);
}

/** The record that confirms an update whose images are all kept by other processors. */
export const confirmationElsewhere = (
  { digest, manifest: { sequenceNumber } }: AuthenticManifest,
  components: readonly ComponentIdentifier[],
): RecordOf<'confirmed'> => ({
  name: 'confirmed',
  images: [],
  components,
  digest: digest.bytes,
  sequenceNumber,
  envelopeBytes: 0,
});

function confirmed(
  { digest, sequenceNumber, envelopeBytes, binding }: Whole,
  images: RecordOf<'confirmed'>['images'],
  components: readonly ComponentIdentifier[],
): RecordOf<'confirmed'> {
  return { name: 'confirmed', images, components, digest, sequenceNumber, envelopeBytes, ...binding };
}

function slotSnapshot(state: SlotState, slot: number): readonly JournalRecord[] {
  if (state.state === 'empty') return [];
  if (state.state === 'unusable') return [{ name: 'unusable', slot, because: state.because }];
  const { digest, sequenceNumber, envelopeBytes, binding } = state;
  const begun: JournalRecord = {
    name: 'receiving',
    slot,
    digest,
    sequenceNumber,
    envelopeBytes,
    ...binding,
  };
  if (state.state === 'receiving') {
    const { offset, prefix } = state;
    return prefix === undefined ? [begun] : [begun, { name: 'progress', slot, offset, prefix }];
  }
  const vouched: readonly JournalRecord[] =
    state.voucher === undefined ? [] : [{ name: 'vouched', slot, voucher: state.voucher }];
  const { imageBytes } = state;
  // Its floors stand in records of their own.
  if (state.state === 'confirmed') return [confirmed(state, [[slot, imageBytes]], []), ...vouched];
  const staged: JournalRecord = { name: 'staged', slot, imageBytes };
  if (state.state !== 'trial') return [begun, staged, ...vouched];
  return [begun, staged, { name: 'trial', slot, attempts: state.attemptsLeft }, ...vouched];
}
