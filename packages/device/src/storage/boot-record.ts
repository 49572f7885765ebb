/**
 * What the device knows about its slots, as a fold over the journal's records: one record is one change of
 * state, so every transition commits at once. Read by the bootloader, written by both.
 */

import { compareBytes } from '@lapel/cbor';
import type { ComponentIdentifier } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import type { JournalRecord, RecordOf } from './journal-record.ts';
import type { Held, Holding, OfferBinding, SlotState, Slots } from './slot-state.ts';
import { bindingOf, isComplete, isHeld, mapSlots, noSlots, stateOf } from './slot-state.ts';

export interface Reverted {
  readonly digest: Uint8Array;
  readonly because: string;
  readonly binding: OfferBinding;
  /** How often in a row it has been this manifest. */
  readonly times: number;
  /** It never ran: its image did not verify when it was to be booted. */
  readonly rotten: boolean;
}

/** An image on its way to where it runs. Until it is there, neither place can be relied upon. */
export interface Move {
  readonly from: number;
  readonly to: number;
  readonly kept?: number;
  readonly done: number;
}

export interface BootRecord {
  readonly slots: Slots;
  /** By component name. */
  readonly floors: ReadonlyMap<string, Floor>;
  readonly bootFloors: ReadonlyMap<string, BootFloor>;
  readonly move: Move | undefined;
  /** What the recovery application is to boot for, once. */
  readonly handover: Uint8Array | undefined;
  /** The last update that did not prove itself. */
  readonly reverted: Reverted | undefined;
  /** The last one whose payload arrived wrong. */
  readonly spoiled: Omit<RecordOf<'spoiled'>, 'name'> | undefined;
  /** The copy of the trust store that holds while the other one is written. */
  readonly trustHeldIn: 0 | 1 | undefined;
  /** What one of two processors has told the other to run, and is not confirmed yet. */
  readonly told: Told | undefined;
  /** The last word on the newest release that it believed. */
  readonly newest: RecordOf<'newest'> | undefined;
  /** Numbers of messages below this one may have been used. */
  readonly sentBelow: number;
  /** What a server of LwM2M sees of the device. */
  readonly managed: RecordOf<'managed'> | undefined;
}

export interface Told {
  readonly digest: Uint8Array;
  readonly components: readonly ComponentIdentifier[];
  readonly binding: OfferBinding;
}

export interface Floor {
  readonly component: ComponentIdentifier;
  readonly sequenceNumber: number;
  readonly manifestDigest: Uint8Array;
}

export type BootFloor = Omit<Floor, 'manifestDigest'>;

export const nothingInstalled: BootRecord = {
  slots: noSlots,
  floors: new Map(),
  bootFloors: new Map(),
  move: undefined,
  handover: undefined,
  reverted: undefined,
  spoiled: undefined,
  trustHeldIn: undefined,
  told: undefined,
  newest: undefined,
  sentBelow: 0,
  managed: undefined,
};

/**
 * The state after one more record. A record that does not follow from the state before it changes nothing.
 */
export function apply(before: BootRecord, record: JournalRecord): BootRecord {
  switch (record.name) {
    case 'settled':
      return before;
    case 'cleared':
      return cleared(before, record.slots);
    case 'reported':
      return reported(before, record.digest);
    case 'floor':
      return withFloor(before, record.component, record.floor[0], record.floor[1]);
    case 'bootFloor':
      return withBootFloor(before, record);
    case 'reverted':
      return revert(before, record);
    case 'confirmed':
      return confirm(before, record);
    case 'moving': {
      const { name: _, ...move } = record;
      return { ...before, move };
    }
    case 'moved':
      return moved(before, record);
    case 'spoiled':
      return { ...before, spoiled: { digest: record.digest, times: record.times } };
    case 'trust':
      return { ...before, trustHeldIn: record.holds };
    case 'newest':
      return { ...before, newest: record };
    case 'sent':
      return { ...before, sentBelow: Math.max(before.sentBelow, record.below) };
    case 'managed':
      return { ...before, managed: record };
    case 'handover':
      return { ...before, handover: record.digest };
    case 'handedOver':
      return { ...before, handover: undefined };
    case 'told': {
      const { digest, components } = record;
      return { ...before, told: { digest, components, binding: bindingOf(record) } };
    }
    case 'receiving':
      return receive(before, record);
    case 'trial':
    case 'attempt':
    case 'bound':
      return withUpdate(before, record.slot, (state) => nextOfUpdate(state, record));
    default:
      return withSlot(before, record.slot, nextState(stateOf(before.slots, record.slot), record));
  }
}

function cleared(before: BootRecord, slots: readonly number[]): BootRecord {
  const change = (state: SlotState, slot: number): SlotState =>
    slots.includes(slot) ? { state: 'empty' } : state;
  const begun = { move: undefined, handover: undefined, told: undefined, trustHeldIn: undefined };
  return { ...before, slots: mapSlots(before.slots, change), ...begun };
}

/** What lies in the slot, and in those that overlap it, is gone. */
function receive(before: BootRecord, record: RecordOf<'receiving'>): BootRecord {
  const { digest, sequenceNumber, envelopeBytes, ruins = [] } = record;
  const held = { digest, sequenceNumber, envelopeBytes, binding: bindingOf(record) };
  const ruined = ruins.reduce((next, slot) => withSlot(next, slot, { state: 'empty' }), before);
  return withSlot(ruined, record.slot, { state: 'receiving', offset: 0, ...held });
}

/** Whoever made the offer knows the end: no report is due any more. */
function reported(before: BootRecord, of: Uint8Array): BootRecord {
  const settled = <T extends Pick<Held, 'digest' | 'binding'>>(held: T): T => {
    const { nonce: _, ...binding } = held.binding;
    return compareBytes(held.digest, of) === 0 ? { ...held, binding } : held;
  };
  return {
    ...before,
    slots: mapSlots(before.slots, (state) => (isHeld(state) ? settled(state) : state)),
    reverted: before.reverted === undefined ? undefined : settled(before.reverted),
  };
}

function revert(before: BootRecord, record: RecordOf<'reverted'>): BootRecord {
  const { digest: failed, because, rotten = false } = record;
  const again = before.reverted !== undefined && compareBytes(before.reverted.digest, failed) === 0;
  const times = record.times ?? (again ? before.reverted.times + 1 : 1);
  const slots = mapSlots(before.slots, (state) => {
    const isOf = isHeld(state) && state.state !== 'confirmed' && compareBytes(state.digest, failed) === 0;
    return isOf ? { state: 'unusable', because } : state;
  });
  return {
    ...withoutHandover(before, failed),
    slots,
    told: unlessSame(before.told, failed),
    reverted: { digest: failed, because, binding: bindingOf(record), times, rotten },
  };
}

/** Needs no state before it: a confirmed image is never lost with an earlier record. */
function confirm(before: BootRecord, record: RecordOf<'confirmed'>): BootRecord {
  const { digest, sequenceNumber, envelopeBytes, images } = record;
  const held = { digest, sequenceNumber, envelopeBytes, binding: bindingOf(record) };
  const confirmed = images.reduce((next, [slot, imageBytes]) => {
    const state = stateOf(next.slots, slot);
    const isSame = isComplete(state) && compareBytes(state.digest, digest) === 0;
    const voucher = isSame && state.voucher !== undefined ? { voucher: state.voucher } : {};
    return withSlot(next, slot, { state: 'confirmed', ...held, imageBytes, ...voucher });
  }, before);
  return record.components.reduce((next, component) => withFloor(next, component, sequenceNumber, digest), {
    ...withoutHandover(confirmed, digest),
    told: unlessSame(confirmed.told, digest),
  });
}

/** The end of an update is the end of what was handed over for it. */
function withoutHandover(before: BootRecord, of: Uint8Array): BootRecord {
  const { handover } = before;
  return handover === undefined || compareBytes(handover, of) !== 0
    ? before
    : { ...before, handover: undefined };
}

/** The trial of what was told has come to its end. */
const unlessSame = (told: Told | undefined, ended: Uint8Array): Told | undefined =>
  told !== undefined && compareBytes(told.digest, ended) === 0 ? undefined : told;

/**
 * What was staged is where it runs. What lay there is where it is kept, if it was worth it; else whatever was
 * confirmed where it came from is there still.
 */
function moved(before: BootRecord, { from, to, kept }: RecordOf<'moved'>): BootRecord {
  const [source, target] = [stateOf(before.slots, from), stateOf(before.slots, to)];
  const after = { ...before, move: undefined };
  if (!isComplete(source)) return after;
  const placed = withSlot(after, to, withoutVoucher(source));
  if (kept !== undefined) {
    return withSlot(withSlot(placed, from, { state: 'empty' }), kept, withoutVoucher(target));
  }
  return source.state === 'confirmed' ? placed : withSlot(placed, from, { state: 'empty' });
}

/** A voucher is of one slot. */
function withoutVoucher(state: SlotState): SlotState {
  if (!isComplete(state)) return state;
  const { voucher: _, ...rest } = state;
  return rest;
}

type UpdateRecord = RecordOf<'trial' | 'attempt' | 'bound'>;

/** Of one slot of an update; the others change with it. */
function nextOfUpdate(state: Holding, record: UpdateRecord): SlotState {
  switch (record.name) {
    case 'trial':
      return state.state === 'staged' || state.state === 'trial'
        ? { ...state, state: 'trial', attemptsLeft: record.attempts }
        : state;
    case 'attempt':
      return state.state === 'trial'
        ? { ...state, attemptsLeft: Math.max(0, state.attemptsLeft - 1) }
        : state;
    case 'bound':
      return { ...state, binding: bindingOf(record) };
  }
}

type SlotRecord = RecordOf<'progress' | 'staged' | 'unusable' | 'vouched'>;

function nextState(state: SlotState, record: SlotRecord): SlotState {
  switch (record.name) {
    case 'unusable':
      return { state: 'unusable', because: record.because };
    case 'progress':
      return state.state === 'receiving' ? { ...state, offset: record.offset, prefix: record.prefix } : state;
    case 'staged': {
      if (state.state !== 'receiving') return state;
      const { offset: _, prefix: __, ...held } = state;
      return { ...held, state: 'staged', imageBytes: record.imageBytes };
    }
    case 'vouched':
      return isComplete(state) ? { ...state, voucher: record.voucher } : state;
  }
}

/** Changes every slot that holds the same manifest as this one. */
function withUpdate(before: BootRecord, slot: number, change: (state: Holding) => SlotState): BootRecord {
  const named = stateOf(before.slots, slot);
  if (!isHeld(named)) return before;
  const isOf = (state: SlotState): state is Holding =>
    isHeld(state) && compareBytes(state.digest, named.digest) === 0;
  return { ...before, slots: mapSlots(before.slots, (state) => (isOf(state) ? change(state) : state)) };
}

function withSlot(record: BootRecord, index: number, state: SlotState): BootRecord {
  return { ...record, slots: mapSlots(record.slots, (old, each) => (each === index ? state : old)) };
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

function withBootFloor(record: BootRecord, { component, sequenceNumber }: RecordOf<'bootFloor'>): BootRecord {
  const name = componentName(component);
  if ((record.bootFloors.get(name)?.sequenceNumber ?? 0) > sequenceNumber) return record;
  return { ...record, bootFloors: new Map(record.bootFloors).set(name, { component, sequenceNumber }) };
}
