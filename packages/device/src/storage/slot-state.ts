/** What a slot holds, as far as the journal's records say. */

import { compareBytes } from '@lapel/cbor';

/** What is known of every image that somebody signed. */
export interface Held {
  readonly digest: Uint8Array;
  readonly sequenceNumber: number;
  readonly envelopeBytes: number;
  readonly binding: OfferBinding;
}

/**
 * What binds an update to the offer that began it, so that its report can repeat it after a restart. While
 * there is a nonce, a report of the update's end is due.
 */
export interface OfferBinding {
  readonly nonce?: Uint8Array;
  readonly generation?: number;
}

/** All of it is there. */
export interface Complete extends Held {
  readonly imageBytes: number;
  /** What a bootloader that has checked the signature once says for itself (S4-119). */
  readonly voucher?: Uint8Array;
}

export type SlotState =
  | { readonly state: 'empty' }
  | { readonly state: 'unusable'; readonly because: string }
  | ({ readonly state: 'receiving'; readonly offset: number; readonly prefix?: Uint8Array } & Held)
  | ({ readonly state: 'staged' } & Complete)
  | ({ readonly state: 'trial'; readonly attemptsLeft: number } & Complete)
  | ({ readonly state: 'confirmed' } & Complete);

export type Bootable = Extract<SlotState, { readonly state: 'trial' | 'confirmed' }>;

export type Holding = Extract<SlotState, Held>;
export type Whole = Extract<SlotState, Complete>;

export const isHeld = (state: SlotState): state is Holding => 'digest' in state;
export const isComplete = (state: SlotState): state is Whole => 'imageBytes' in state;
export const isBootable = (state: SlotState): state is Bootable =>
  state.state === 'trial' || state.state === 'confirmed';

/** As many as a device may have (`slotsMax`). */
export type Slots = readonly [
  SlotState,
  SlotState,
  SlotState,
  SlotState,
  SlotState,
  SlotState,
  SlotState,
  SlotState,
];

const empty: SlotState = { state: 'empty' };
export const noSlots: Slots = [empty, empty, empty, empty, empty, empty, empty, empty];

/** Empty where nothing was ever said of it. */
export const stateOf = (slots: Slots, slot: number): SlotState => slots[slot] ?? empty;

export const mapSlots = (slots: Slots, change: (state: SlotState, slot: number) => SlotState): Slots =>
  slots.map(change) as unknown as Slots;

/** Whether two digests of manifests are there, and the same. */
export const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && compareBytes(a, b) === 0;

/** Of a record that names one. */
export const bindingOf = ({ nonce, generation }: OfferBinding): OfferBinding => ({
  ...(nonce === undefined ? {} : { nonce }),
  ...(generation === undefined ? {} : { generation }),
});
