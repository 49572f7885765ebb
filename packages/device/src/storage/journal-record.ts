/**
 * The records of the journal, as they lie in flash: one record is one change of state, so every transition
 * commits at once.
 */

import type { Infer, Schema } from '@lapel/cbor';
import { array, bool, bytes, converted, map, optional, required, text, tuple, uint } from '@lapel/cbor';
import { ComponentIdentifier } from '@lapel/suit';
import { slotsMax } from './layout.ts';

const slot = uint;
const digest = bytes(32);
/** Short, so that nobody who chooses a nonce can hide the bytes of a whole record in it. */
const nonce = bytes(8, 16);
const componentsMax = 8;
const becauseMax = 128;
const because = text(becauseMax);
const slots = array(slot, { max: slotsMax });
/** Of the two copies of the trust store. */
const copy: Schema<0 | 1> = converted(
  bool,
  (isSecond) => (isSecond ? 1 : 0),
  (index) => index === 1,
);

/** An explanation as a record can hold it: what cannot be written must not keep a device from booting. */
export const inRecord = (explanation: string): string => explanation.slice(0, becauseMax).toWellFormed();

/**
 * Every record the journal may hold. Keys of the map are the record types; the numbers are on flash for
 * ever.
 */
export const records = {
  /** A slot is being overwritten for this manifest, whose envelope lies there; what lay there is gone. */
  receiving: {
    type: 1,
    body: map({
      slot: required(1, slot),
      digest: required(2, digest),
      sequenceNumber: required(3, uint),
      envelopeBytes: required(4, uint),
      nonce: optional(5, nonce),
      generation: optional(6, uint),
      /** Other slots whose content is gone with it. */
      ruins: optional(7, slots),
    }),
  },
  /**
   * The first `offset` bytes of the image are written and have this SHA-256: where a resumed download goes
   * on.
   */
  progress: {
    type: 2,
    body: map({ slot: required(1, slot), offset: required(2, uint), prefix: required(3, digest) }),
  },
  /** The image is complete, and its manifest's own checks passed. */
  staged: { type: 3, body: map({ slot: required(1, slot), imageBytes: required(2, uint) }) },
  /** To be booted, with all that is staged for the same manifest, this often until it proves itself. */
  trial: { type: 4, body: map({ slot: required(1, slot), attempts: required(2, uint) }) },
  /**
   * A boot of the trial that this slot is part of begins; written before the jump, so that an attempt that
   * hangs has been counted.
   */
  attempt: { type: 5, body: map({ slot: required(1, slot) }) },
  /**
   * The firmware proved itself, all of it. One record, so that the floors of its components rise in the same
   * instant; and whole in itself, so that no damage to an earlier record takes a confirmed image away.
   */
  confirmed: {
    type: 6,
    body: map({
      /** Each image: its slot, and how long it is; none where other processors keep them all. */
      images: required(1, array(tuple(slot, uint), { max: slotsMax })),
      components: required(2, array(ComponentIdentifier, { max: componentsMax })),
      digest: required(3, digest),
      sequenceNumber: required(4, uint),
      envelopeBytes: required(5, uint),
      nonce: optional(7, nonce),
      generation: optional(8, uint),
    }),
  },
  /** The update did not prove itself, in whichever slots it lies. */
  reverted: {
    type: 7,
    body: map({
      digest: required(2, digest),
      because: required(3, because),
      nonce: optional(4, nonce),
      generation: optional(5, uint),
      /** How often this manifest has failed; counted on from the record before where absent. */
      times: optional(6, uint),
      /** It never ran: its image did not verify when it was to be booted. */
      rotten: optional(7, bool),
    }),
  },
  /** What lies in the slot no longer verifies. */
  unusable: { type: 8, body: map({ slot: required(1, slot), because: required(2, because) }) },
  /** The tracker, or whoever listens, has been told the end of this update. */
  reported: { type: 9, body: map({ digest: required(1, digest) }) },
  /** The lowest sequence number that is installed to a component, and the manifest that set it. */
  floor: {
    type: 10,
    body: map({ component: required(1, ComponentIdentifier), floor: required(2, tuple(uint, digest)) }),
  },
  /** The same manifest was offered anew: its end is reported to this offer. */
  bound: {
    type: 11,
    body: map({ slot: required(1, slot), nonce: optional(2, nonce), generation: optional(3, uint) }),
  },
  /** The lowest sequence number that is booted, however little else is left. */
  bootFloor: {
    type: 12,
    body: map({ component: required(1, ComponentIdentifier), sequenceNumber: required(2, uint) }),
  },
  /** So many units have been moved to where they run: the next one may be half done. */
  moving: {
    type: 13,
    body: map({
      from: required(1, slot),
      to: required(2, slot),
      /** Where what lay there goes to; absent where it is not worth keeping. */
      kept: optional(3, slot),
      done: required(4, uint),
    }),
  },
  /** All of them have. */
  moved: {
    type: 14,
    body: map({ from: required(1, slot), to: required(2, slot), kept: optional(3, slot) }),
  },
  /** The bootloader has checked the signature, and says so for itself: a MAC that only this device makes. */
  vouched: { type: 15, body: map({ slot: required(1, slot), voucher: required(2, bytes(32)) }) },
  /** The recovery application is to boot, to install this; or to be tried, where this is one. */
  handover: { type: 16, body: map({ digest: required(1, digest) }) },
  /** It is about to. */
  handedOver: { type: 17, body: map({}) },
  /** After a reset, everything before this has been read, and the last record written again. */
  settled: { type: 18, body: map({}) },
  /** In a copy of the state: nothing is left in these slots, whatever an older region says; nor of a move. */
  cleared: { type: 19, body: map({ slots: required(1, slots) }) },
  /** Payloads of this manifest arrived wrong, so many times in a row. */
  spoiled: { type: 20, body: map({ digest: required(1, digest), times: required(2, uint) }) },
  /**
   * Two processors on a bus, one of which says what the other runs. In the journal of the one: what it has
   * said on trial, of an update that only the other takes part in. In that of the other: what it was told
   * last.
   */
  told: {
    type: 21,
    body: map({
      digest: required(1, digest),
      components: required(2, array(ComponentIdentifier, { max: componentsMax })),
      nonce: optional(3, nonce),
      generation: optional(4, uint),
    }),
  },
  /** Which copy of the trust store holds while the other one is written; both are whole where absent. */
  trust: { type: 22, body: map({ holds: optional(1, copy) }) },
  /** The last word of an operator on the newest release: its manifest, since when, and until when. */
  newest: {
    type: 23,
    body: map({
      sequenceNumber: required(1, uint),
      manifestDigest: required(2, digest),
      createdMs: required(3, uint),
      expiresMs: required(4, uint),
    }),
  },
  /** Under the secret that it shares with its servers it may have sent under every number below this one. */
  sent: { type: 24, body: map({ below: required(1, uint) }) },
  /** LwM2M's Firmware Update object: its state and result as numbers, and what its server has set. */
  managed: {
    type: 25,
    body: map({
      state: required(1, uint),
      result: required(2, uint),
      /** The manifest that it is about, once that has been admitted. */
      digest: optional(3, digest),
      /** Where the server says it is. The one thing here that may be forgotten, where there is no room. */
      packageUri: optional(4, text(255)),
      severity: optional(5, uint),
      deferSecondsMax: optional(6, uint),
      isAutomatic: optional(7, bool),
    }),
  },
} as const;

export type RecordName = keyof typeof records;
export type JournalRecord = {
  readonly [N in RecordName]: { readonly name: N } & Infer<(typeof records)[N]['body']>;
}[RecordName];
export type RecordOf<N extends RecordName> = Extract<JournalRecord, { readonly name: N }>;
