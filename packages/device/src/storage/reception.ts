/**
 * An image on its way into a slot, for whoever brings it: the agent from a network, the bootloader's recovery
 * from a line. The envelope comes first, then the record, then the image; and what an earlier attempt at the
 * same manifest left is built upon (manifest-37 §6.3.1).
 */

import { compareBytes } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest, Ending, ExpectedImage } from '@lapel/suit';
import type { Memory } from './arena.ts';
import type { Mark } from './image-writer.ts';
import { ImageWriter } from './image-writer.ts';
import type { Journal } from './journal.ts';
import type { Layout, SlotLayout } from './layout.ts';
import { isUnder, overlapping, slotAt } from './layout.ts';
import { Shortage } from './shortage.ts';
import type { OfferBinding, SlotState } from './slot-state.ts';
import { isHeld, stateOf } from './slot-state.ts';
import { imageDigest, writeEnvelope } from './slots.ts';

export interface Reception {
  readonly flash: Memory;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly envelope: Uint8Array;
  readonly admitted: AdmittedManifest;
  readonly binding: OfferBinding;
}

/** @throws {Shortage} where what is to come has no place on this device; nothing has been written. */
export function requireRoom(place: SlotLayout, imageBytes: number, envelope: Uint8Array): void {
  requireAtMost('image', place.image.bytes, imageBytes);
  requireAtMost('envelope', place.envelope.bytes, envelope.length);
}

function requireAtMost(what: string, most: number, found: number): void {
  if (found <= most) return;
  const message = `expected an ${what} of at most ${most} bytes, found ${found}`;
  throw new Shortage('flash', message);
}

/**
 * Makes the slot ready for an image: not one that runs.
 * @param again whether this procedure has put one there already, of which nothing is to stay.
 * @returns a writer that stands where an earlier attempt stopped; or the size of the image, where all of it
 * is there: a fetch may be skipped then (§8.4.10.4).
 */
export function openSlot(
  reception: Reception,
  slot: number,
  expected: ExpectedImage,
  again: boolean,
): ImageWriter | number {
  const { journal, binding } = reception;
  const before = again ? undefined : earlierState(reception, slot);
  if (before !== undefined && !isBoundTo(before.binding, binding)) {
    journal.append({ name: 'bound', slot, ...binding });
  }
  const complete = before === undefined ? undefined : alreadyThere(reception, slot, before, expected);
  return complete ?? begin(reception, slot, before);
}

/**
 * Records how the procedure ended; returns whether all that it brought lies ready to be tried.
 * @param sizes bytes of each image that it has put, or found, in a slot.
 */
export function closeSlots(
  { journal }: Pick<Reception, 'journal'>,
  { failure }: Ending,
  sizes: ReadonlyMap<number, number>,
): boolean {
  for (const [slot, imageBytes] of sizes) {
    // What is in the slot is not what the manifest wants: nothing of it may be built upon by a later attempt.
    if (failure !== undefined) journal.append({ name: 'unusable', slot, because: failure.error.reason });
    else if (stateOf(journal.bootRecord.slots, slot).state === 'receiving') {
      journal.append({ name: 'staged', slot, imageBytes });
    }
  }
  return failure === undefined && sizes.size > 0;
}

type Earlier = Extract<SlotState, { readonly state: 'receiving' | 'staged' }>;

/** Whether what lies in the slot was begun for this very offer: its report must name the newest. */
function isBoundTo(held: OfferBinding, { nonce = new Uint8Array(), generation }: OfferBinding): boolean {
  return held.generation === generation && compareBytes(held.nonce ?? new Uint8Array(), nonce) === 0;
}

/** What an earlier attempt at the very same manifest left in the slot. */
function earlierState({ journal, admitted }: Reception, slot: number): Earlier | undefined {
  const state = stateOf(journal.bootRecord.slots, slot);
  if (state.state !== 'receiving' && state.state !== 'staged') return undefined;
  return equalInConstantTime(state.digest, admitted.authentic.digest.bytes) ? state : undefined;
}

function alreadyThere(
  { flash, layout }: Reception,
  slot: number,
  before: Earlier,
  { digest, sizeBytes }: ExpectedImage,
): number | undefined {
  if (before.state !== 'staged' || digest === undefined || before.imageBytes !== sizeBytes) return undefined;
  const found = imageDigest(flash, slotAt(layout, slot), sizeBytes, digest.algorithm);
  return found !== undefined && equalInConstantTime(found, digest.bytes) ? sizeBytes : undefined;
}

function begin(reception: Reception, slot: number, before: Earlier | undefined): ImageWriter {
  const { flash, layout, journal } = reception;
  const remember = ({ offset, prefix }: Mark) => journal.append({ name: 'progress', slot, offset, prefix });
  if (before?.state === 'receiving' && before.prefix !== undefined) {
    const { offset, prefix } = before;
    const resumed = ImageWriter.resume(flash, slotAt(layout, slot), { offset, prefix }, remember);
    if (resumed !== undefined) return resumed;
  }
  if (before?.state !== 'receiving' || before.offset > 0) claim(reception, slot);
  return ImageWriter.start(flash, slotAt(layout, slot), remember);
}

/**
 * The envelope takes its place, then the record says so: from here on what lay in the slot is gone, and what
 * shares its place, whenever the power goes.
 */
export function claim({ flash, layout, journal, admitted, envelope, binding }: Reception, slot: number) {
  const { digest, manifest } = admitted.authentic;
  // What lay there goes with a record of its own, before its envelope does.
  const ruins = overlapping(layout, slot);
  const { envelope: place } = slotAt(layout, slot);
  const isInPlace = (other: number) => other === slot || isUnder(place, slotAt(layout, other));
  for (const gone of [slot, ...ruins].filter(isInPlace)) {
    if (!isHeld(stateOf(journal.bootRecord.slots, gone))) continue;
    journal.append({ name: 'unusable', slot: gone, because: 'overwritten' });
  }
  writeEnvelope(flash, slotAt(layout, slot), envelope);
  journal.append({
    name: 'receiving',
    slot,
    digest: digest.bytes,
    sequenceNumber: manifest.sequenceNumber,
    envelopeBytes: envelope.length,
    ...binding,
    ...(ruins.length === 0 ? {} : { ruins }),
  });
}
