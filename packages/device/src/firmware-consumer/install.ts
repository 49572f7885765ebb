/**
 * Runs the update procedure of an admitted manifest on the slot that is not running. The envelope is stored
 * first, then the image as it arrives; the slot counts as staged only when the manifest's own checks have
 * passed on what is in flash.
 */

import { compareBytes } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import type { AdmittedManifest, Answer, Effect, Ending, ExpectedImage } from '@lapel/suit';
import { SuitError, drive, run } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import type { OfferBinding, SlotState } from '../storage/boot-record.ts';
import { answerFrom, isComponent, isQuestion } from '../storage/components.ts';
import type { Flash } from '../storage/flash.ts';
import type { Journal } from '../storage/journal.ts';
import { imageBytesMax } from '../storage/layout.ts';
import { ImageWriter, imageDigest, writeEnvelope } from '../storage/slots.ts';
import type { TrustStore } from '../trust-store.ts';
import type { OnStep } from '../step.ts';
import type { Fetching } from './fetch.ts';
import { fetchPayload } from './fetch.ts';

export interface Installation {
  readonly flash: Flash;
  readonly profile: Profile;
  readonly trust: TrustStore;
  readonly journal: Journal;
  /** The slot that is running: never written. */
  readonly running: 0 | 1;
  readonly envelope: Uint8Array;
  readonly admitted: AdmittedManifest;
  readonly binding: OfferBinding;
  readonly fetching: Fetching;
  readonly onStep?: OnStep;
}

/** How an update procedure ended; `staged` where an image lies ready to be tried. */
export type Installed = Ending & { readonly staged: boolean };

type Change = Extract<Effect, { readonly do: 'write' | 'fetch' }>;

/**
 * @throws {TransportError} where the network stays away: nothing is lost, the same call goes on where this
 * one stopped.
 */
export async function install(installation: Installation): Promise<Installed> {
  const { flash, profile, trust, journal, admitted } = installation;
  const slot = installation.running === 0 ? 1 : 0;
  /** Bytes of the image that this run has put, or found, in the slot. */
  let sizeBytes: number | undefined;

  const answer = async (effect: Effect): Promise<Answer> => {
    if (isQuestion(effect)) return answerFrom(flash, profile, trust, { slot, sizeBytes }, effect);
    if (effect.do !== 'write' && effect.do !== 'fetch') {
      throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} in an update, found one`);
    }
    requireRoom(effect, installation, slot);
    const again = sizeBytes !== undefined;
    sizeBytes = await store(effect, installation, slot, again);
  };

  const ending = await drive(run(admitted, 'update'), answer);
  if (ending.failure !== undefined) {
    // What is in the slot is not what the manifest wants: nothing of it may be built upon by a later attempt.
    if (sizeBytes !== undefined) {
      journal.append({ name: 'unusable', slot, because: ending.failure.error.reason });
    }
    return { ...ending, staged: false };
  }
  if (sizeBytes === undefined) return { ...ending, staged: false };
  installation.onStep?.('image-verified');
  if (journal.bootRecord.slots[slot].state === 'receiving') {
    journal.append({ name: 'staged', slot, imageBytes: sizeBytes });
  }
  installation.onStep?.('staged');
  return { ...ending, staged: true };
}

/** The staged image is booted next, on trial. The caller restarts the device. */
export function activate(journal: Journal, running: 0 | 1, attempts: number): void {
  journal.append({ name: 'trial', slot: running === 0 ? 1 : 0, attempts });
}

function requireRoom(effect: Change, { profile, envelope }: Installation, slot: 0 | 1): void {
  if (!isComponent(profile, effect.component)) {
    throw new SuitError(
      'run',
      'component-unsupported',
      'expected the component of this device, found another',
    );
  }
  const room = imageBytesMax(profile.layout);
  const wanted = effect.do === 'write' ? effect.content.length : (effect.expected.sizeBytes ?? 0);
  if (wanted > room) {
    throw new SuitError(
      'run',
      'operation-failed',
      `expected an image of at most ${room} bytes, found ${wanted}`,
    );
  }
  const envelopeRoom = profile.layout.slots[slot].envelope.bytes;
  if (envelope.length > envelopeRoom) {
    const found = `expected an envelope of at most ${envelopeRoom} bytes, found ${envelope.length}`;
    throw new SuitError('run', 'operation-failed', found);
  }
}

/** Puts an image into the slot and returns its size. */
async function store(
  effect: Change,
  installation: Installation,
  slot: 0 | 1,
  again: boolean,
): Promise<number> {
  const { journal, fetching, binding } = installation;
  const before = again ? undefined : earlierState(installation, slot);
  if (before !== undefined && !isBoundTo(before.binding, binding)) {
    journal.append({ name: 'bound', slot, ...binding });
  }
  const complete =
    before === undefined ? undefined : alreadyThere(installation, slot, before, effect.expected);
  if (complete !== undefined) return complete;

  const writer = begin(installation, slot, before);
  try {
    if (effect.do === 'write') writer.push(effect.content.subarray(writer.offset));
    else await fetchPayload(effect.uri, writer, effect.expected.sizeBytes, fetching);
  } catch (error) {
    if (error instanceof SuitError) journal.append({ name: 'unusable', slot, because: error.reason });
    throw error;
  }
  return writer.finish();
}

type Earlier = Extract<SlotState, { readonly state: 'receiving' | 'staged' }>;

/** Whether what lies in the slot was begun for this very offer: its report must name the newest. */
function isBoundTo(held: OfferBinding, { nonce = new Uint8Array(), generation }: OfferBinding): boolean {
  return held.generation === generation && compareBytes(held.nonce ?? new Uint8Array(), nonce) === 0;
}

/** What an earlier attempt at the very same manifest left in the slot (manifest-37 §6.3.1). */
function earlierState({ journal, admitted }: Installation, slot: 0 | 1): Earlier | undefined {
  const state = journal.bootRecord.slots[slot];
  if (state.state !== 'receiving' && state.state !== 'staged') return undefined;
  return equalInConstantTime(state.digest, admitted.authentic.digest.bytes) ? state : undefined;
}

/** The size of the image where all of it is there already: a fetch may be skipped then (§8.4.10.4). */
function alreadyThere(
  { flash, profile }: Installation,
  slot: 0 | 1,
  before: Earlier,
  { digest, sizeBytes }: ExpectedImage,
): number | undefined {
  if (before.state !== 'staged' || digest === undefined || before.imageBytes !== sizeBytes) return undefined;
  const found = imageDigest(flash, profile.layout.slots[slot], sizeBytes, digest.algorithm);
  return equalInConstantTime(found, digest.bytes) ? sizeBytes : undefined;
}

function begin(
  { flash, profile, journal, admitted, envelope, binding }: Installation,
  slot: 0 | 1,
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
