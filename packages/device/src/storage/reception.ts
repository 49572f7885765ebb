/**
 * An image on its way into a slot, for whoever brings it: the agent from a network, the bootloader's recovery
 * from a line. The record comes before the first erase, the envelope before the image, and what an earlier
 * attempt at the same manifest left is built upon (manifest-37 §6.3.1).
 */

import { compareBytes } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest, Effect, Ending, ExpectedImage } from '@lapel/suit';
import { SuitError } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import type { OfferBinding, SlotState } from './boot-record.ts';
import { isComponent } from './components.ts';
import type { Flash } from './flash.ts';
import type { Journal } from './journal.ts';
import { imageBytesMax } from './layout.ts';
import { ImageWriter, imageDigest, writeEnvelope } from './slots.ts';

export interface Reception {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly journal: Journal;
  /** Where the image goes: not the slot that runs. */
  readonly slot: 0 | 1;
  readonly envelope: Uint8Array;
  readonly admitted: AdmittedManifest;
  readonly binding: OfferBinding;
}

/** The effects that bring an image. */
export type Change = Extract<Effect, { readonly do: 'write' | 'fetch' }>;

/** @throws {SuitError} where what is to come has no place on this device; nothing has been written. */
export function requireRoom(
  effect: Effect,
  { profile, envelope, slot }: Reception,
): asserts effect is Change {
  if (effect.do !== 'write' && effect.do !== 'fetch') {
    throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} in an update, found one`);
  }
  if (!isComponent(profile, effect.component)) {
    const found = 'expected the component of this device, found another';
    throw new SuitError('run', 'component-unsupported', found);
  }
  const wanted = effect.do === 'write' ? effect.content.length : (effect.expected.sizeBytes ?? 0);
  requireAtMost('image', imageBytesMax(profile.layout), wanted);
  requireAtMost('envelope', profile.layout.slots[slot].envelope.bytes, envelope.length);
}

function requireAtMost(what: string, most: number, found: number): void {
  if (found <= most) return;
  const message = `expected an ${what} of at most ${most} bytes, found ${found}`;
  throw new SuitError('run', 'operation-failed', message);
}

/**
 * Makes the slot ready for an image.
 * @param again whether this procedure has put one there already, of which nothing is to stay.
 * @returns a writer that stands where an earlier attempt stopped; or the size of the image, where all of it
 * is there: a fetch may be skipped then (§8.4.10.4).
 */
export function openSlot(
  reception: Reception,
  expected: ExpectedImage,
  again: boolean,
): ImageWriter | number {
  const { journal, slot, binding } = reception;
  const before = again ? undefined : earlierState(reception);
  if (before !== undefined && !isBoundTo(before.binding, binding)) {
    journal.append({ name: 'bound', slot, ...binding });
  }
  const complete = before === undefined ? undefined : alreadyThere(reception, before, expected);
  return complete ?? begin(reception, before);
}

/** Records how the procedure ended; returns whether an image lies ready to be tried. */
export function closeSlot(
  { journal, slot }: Reception,
  { failure }: Ending,
  sizeBytes: number | undefined,
): boolean {
  if (sizeBytes === undefined) return false;
  if (failure !== undefined) {
    // What is in the slot is not what the manifest wants: nothing of it may be built upon by a later attempt.
    journal.append({ name: 'unusable', slot, because: failure.error.reason });
    return false;
  }
  if (journal.bootRecord.slots[slot].state === 'receiving') {
    journal.append({ name: 'staged', slot, imageBytes: sizeBytes });
  }
  return true;
}

type Earlier = Extract<SlotState, { readonly state: 'receiving' | 'staged' }>;

/** Whether what lies in the slot was begun for this very offer: its report must name the newest. */
function isBoundTo(held: OfferBinding, { nonce = new Uint8Array(), generation }: OfferBinding): boolean {
  return held.generation === generation && compareBytes(held.nonce ?? new Uint8Array(), nonce) === 0;
}

/** What an earlier attempt at the very same manifest left in the slot. */
function earlierState({ journal, slot, admitted }: Reception): Earlier | undefined {
  const state = journal.bootRecord.slots[slot];
  if (state.state !== 'receiving' && state.state !== 'staged') return undefined;
  return equalInConstantTime(state.digest, admitted.authentic.digest.bytes) ? state : undefined;
}

function alreadyThere(
  { flash, profile, slot }: Reception,
  before: Earlier,
  { digest, sizeBytes }: ExpectedImage,
): number | undefined {
  if (before.state !== 'staged' || digest === undefined || before.imageBytes !== sizeBytes) return undefined;
  const found = imageDigest(flash, profile.layout.slots[slot], sizeBytes, digest.algorithm);
  return equalInConstantTime(found, digest.bytes) ? sizeBytes : undefined;
}

function begin(
  { flash, profile, journal, slot, admitted, envelope, binding }: Reception,
  before: Earlier | undefined,
): ImageWriter {
  const layout = profile.layout.slots[slot];
  const remember = ({ offset, prefix }: { readonly offset: number; readonly prefix: Uint8Array }) =>
    journal.append({ name: 'progress', slot, offset, prefix });
  if (before?.state === 'receiving' && before.prefix !== undefined) {
    const { offset, prefix } = before;
    const resumed = ImageWriter.resume(flash, layout, { offset, prefix }, remember);
    if (resumed !== undefined) return resumed;
  }
  const { digest, manifest } = admitted.authentic;
  const { sequenceNumber } = manifest;
  // The record comes first: from here on what lay in the slot is gone, whenever the power goes.
  journal.append({
    name: 'receiving',
    slot,
    digest: digest.bytes,
    sequenceNumber,
    envelopeBytes: envelope.length,
    ...binding,
  });
  writeEnvelope(flash, layout, envelope);
  return ImageWriter.start(flash, layout, remember);
}
