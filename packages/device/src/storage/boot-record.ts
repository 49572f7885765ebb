/**
 * What the device knows about its slots, as a fold over the journal's records: one record is one change of
 * state, so every transition commits at once. Read by the bootloader, written by both.
 */

import { compareBytes } from '@lapel/cbor';
import type { ComponentIdentifier } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { JournalRecord } from './journal-record.ts';

interface Held {
  readonly digest: Uint8Array;
  readonly sequenceNumber: number;
  readonly envelopeBytes: number;
}

/**
 * What binds an update to the offer that began it, so that its report can repeat it after a restart. While
 * there is a nonce, a report of the update's end is due.
 */
export interface OfferBinding {
  readonly nonce?: Uint8Array;
  readonly generation?: number;
}

export type SlotState =
  | { readonly state: 'empty' }
  | { readonly state: 'unusable'; readonly because: string }
  | ({
      readonly state: 'receiving';
      readonly offset: number;
      readonly prefix?: Uint8Array;
      readonly binding: OfferBinding;
    } & Held)
  | ({ readonly state: 'staged'; readonly imageBytes: number; readonly binding: OfferBinding } & Held)
  | ({
      readonly state: 'trial';
      readonly imageBytes: number;
      readonly attemptsLeft: number;
      readonly binding: OfferBinding;
    } & Held)
  | ({ readonly state: 'confirmed'; readonly imageBytes: number; readonly binding: OfferBinding } & Held);

export interface Reverted {
  readonly digest: Uint8Array;
  readonly because: string;
  readonly binding: OfferBinding;
  /** How often in a row it has been this manifest. */
  readonly times: number;
  /** It never ran: its image did not verify when it was to be booted. */
  readonly rotten: boolean;
}

export interface BootRecord {
  readonly slots: readonly [SlotState, SlotState];
  /** By component name. */
  readonly floors: ReadonlyMap<string, Floor>;
  /** The last update that did not prove itself. */
  readonly reverted: Reverted | undefined;
}

interface Floor {
  readonly component: ComponentIdentifier;
  readonly sequenceNumber: number;
  readonly manifestDigest: Uint8Array;
}

export const nothingInstalled: BootRecord = {
  slots: [{ state: 'empty' }, { state: 'empty' }],
  floors: new Map(),
  reverted: undefined,
};

/**
 * The state after one more record. A record that does not follow from the state before it changes nothing.
 */
export function apply(before: BootRecord, record: JournalRecord): BootRecord {
  switch (record.name) {
    case 'reported':
      return reported(before, record.digest);
    case 'floor':
      return withFloor(before, record.component, record.floor[0], record.floor[1]);
    case 'reverted':
      return revert(before, record);
    case 'confirmed':
      return confirm(before, record);
    default:
      return withSlot(before, record.slot, nextState(before.slots[record.slot], record));
  }
}

/** Whoever made the offer knows the end: no report is due any more. */
function reported(before: BootRecord, of: Uint8Array): BootRecord {
  const settled = <T extends { readonly digest: Uint8Array; readonly binding: OfferBinding }>(held: T): T => {
    const { nonce: _, ...binding } = held.binding;
    return compareBytes(held.digest, of) === 0 ? { ...held, binding } : held;
  };
  const [first, second] = before.slots.map((state) => ('binding' in state ? settled(state) : state));
  const { reverted } = before;
  return {
    ...before,
    slots: [first ?? before.slots[0], second ?? before.slots[1]],
    reverted: reverted === undefined ? undefined : settled(reverted),
  };
}

function revert(before: BootRecord, record: RecordOf<'reverted'>): BootRecord {
  const { digest: failed, because, rotten = false } = record;
  const next = withSlot(before, record.slot, { state: 'unusable', because });
  const again = before.reverted !== undefined && compareBytes(before.reverted.digest, failed) === 0;
  const times = record.times ?? (again ? before.reverted.times + 1 : 1);
  return { ...next, reverted: { digest: failed, because, binding: bindingOf(record), times, rotten } };
}

/** Needs no state before it: a confirmed image is never lost with an earlier record. */
function confirm(before: BootRecord, record: RecordOf<'confirmed'>): BootRecord {
  const { digest: of, sequenceNumber, envelopeBytes, imageBytes } = record;
  const held = { digest: of, sequenceNumber, envelopeBytes, imageBytes, binding: bindingOf(record) };
  return record.components.reduce(
    (next, component) => withFloor(next, component, sequenceNumber, of),
    withSlot(before, record.slot, { state: 'confirmed', ...held }),
  );
}

/** The record that confirms what lies in a slot; undefined where nothing complete lies there. */
export function confirmation(
  { slots }: BootRecord,
  slot: 0 | 1,
  components: readonly ComponentIdentifier[],
): JournalRecord | undefined {
  const held = slots[slot];
  if (held.state !== 'staged' && held.state !== 'trial' && held.state !== 'confirmed') return undefined;
  const { digest: of, sequenceNumber, envelopeBytes, imageBytes, binding } = held;
  return {
    name: 'confirmed',
    slot,
    components,
    digest: of,
    sequenceNumber,
    envelopeBytes,
    imageBytes,
    ...binding,
  };
}

type RecordOf<N extends JournalRecord['name']> = Extract<JournalRecord, { readonly name: N }>;
type SlotRecord = RecordOf<'receiving' | 'progress' | 'staged' | 'trial' | 'attempt' | 'unusable' | 'bound'>;

function nextState(slotState: SlotState | undefined, record: SlotRecord): SlotState | undefined {
  switch (record.name) {
    case 'receiving': {
      const { digest: of, sequenceNumber, envelopeBytes } = record;
      return {
        state: 'receiving',
        digest: of,
        sequenceNumber,
        envelopeBytes,
        offset: 0,
        binding: bindingOf(record),
      };
    }
    case 'unusable':
      return { state: 'unusable', because: record.because };
    case 'progress':
      return slotState?.state === 'receiving'
        ? { ...slotState, offset: record.offset, prefix: record.prefix }
        : slotState;
    case 'staged': {
      if (slotState?.state !== 'receiving') return slotState;
      const { offset: _, prefix: __, ...held } = slotState;
      return { ...held, state: 'staged', imageBytes: record.imageBytes };
    }
    case 'trial':
      return slotState?.state === 'staged' || slotState?.state === 'trial'
        ? { ...slotState, state: 'trial', attemptsLeft: record.attempts }
        : slotState;
    case 'attempt':
      return slotState?.state === 'trial'
        ? { ...slotState, attemptsLeft: Math.max(0, slotState.attemptsLeft - 1) }
        : slotState;
    case 'bound':
      return slotState !== undefined && 'binding' in slotState
        ? { ...slotState, binding: bindingOf(record) }
        : slotState;
  }
}

/** The fewest records that make this state again: what a compaction writes. */
export function snapshot(record: BootRecord): readonly JournalRecord[] {
  const { slots, floors, reverted } = record;
  const found: JournalRecord[] = [];
  for (const { component, sequenceNumber, manifestDigest } of floors.values()) {
    found.push({ name: 'floor', component, floor: [sequenceNumber, manifestDigest] });
  }
  if (reverted !== undefined) {
    const { binding, ...rest } = reverted;
    found.push({ name: 'reverted', slot: noSlot, ...rest, ...binding });
  }
  for (const slot of [0, 1] as const) {
    // Its floors stand in records of their own.
    const confirmed = slots[slot].state === 'confirmed' ? confirmation(record, slot, []) : undefined;
    found.push(...(confirmed === undefined ? slotSnapshot(slots[slot], slot) : [confirmed]));
  }
  return found;
}

/** A slot number that no device has: the record says something of the past, not of a slot. */
const noSlot = 255;

function slotSnapshot(state: SlotState, index: number): readonly JournalRecord[] {
  if (state.state === 'empty') return [];
  if (state.state === 'unusable') return [{ name: 'unusable', slot: index, because: state.because }];
  const { digest: of, sequenceNumber, envelopeBytes, binding } = state;
  const begun: JournalRecord = {
    name: 'receiving',
    slot: index,
    digest: of,
    sequenceNumber,
    envelopeBytes,
    ...binding,
  };
  if (state.state === 'receiving') {
    const { offset, prefix } = state;
    return prefix === undefined ? [begun] : [begun, { name: 'progress', slot: index, offset, prefix }];
  }
  const staged: JournalRecord = { name: 'staged', slot: index, imageBytes: state.imageBytes };
  if (state.state !== 'trial') return [begun, staged];
  return [begun, staged, { name: 'trial', slot: index, attempts: state.attemptsLeft }];
}

function withSlot(record: BootRecord, index: number, state: SlotState | undefined): BootRecord {
  if (state === undefined || index > 1) return record;
  const [first, second] = record.slots;
  return { ...record, slots: index === 0 ? [state, second] : [first, state] };
}

/** Floors only rise (design: nothing lower than what was confirmed is installed). */
function withFloor(
  record: BootRecord,
  component: ComponentIdentifier,
  sequenceNumber: number,
  manifestDigest: Uint8Array,
): BootRecord {
  const name = componentName(component);
  const old = record.floors.get(name);
  if (old !== undefined && old.sequenceNumber > sequenceNumber) return record;
  const floors = new Map(record.floors).set(name, { component, sequenceNumber, manifestDigest });
  return { ...record, floors };
}

const bindingOf = ({ nonce: of, generation }: OfferBinding): OfferBinding => ({
  ...(of === undefined ? {} : { nonce: of }),
  ...(generation === undefined ? {} : { generation }),
});
