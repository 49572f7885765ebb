/**
 * Runs the update procedure of an admitted manifest on the slot that is not running. The envelope is stored
 * first, then the image as it arrives; the slot counts as staged only when the manifest's own checks have
 * passed on what is in flash.
 */

import type { AdmittedManifest, Answer, Effect, Ending } from '@lapel/suit';
import { SuitError, drive, run } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import type { OfferBinding } from '../storage/boot-record.ts';
import { answerFrom, isQuestion } from '../storage/components.ts';
import type { Flash } from '../storage/flash.ts';
import type { Journal } from '../storage/journal.ts';
import type { Change, Reception } from '../storage/reception.ts';
import { closeSlot, openSlot, requireRoom } from '../storage/reception.ts';
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

/**
 * @throws {TransportError} where the network stays away: nothing is lost, the same call goes on where this
 * one stopped.
 */
export async function install(installation: Installation): Promise<Installed> {
  const { flash, profile, trust, admitted, fetching, onStep } = installation;
  const slot = beside(installation.running);
  const reception = { ...installation, slot };
  /** Bytes of the image that this run has put, or found, in the slot. */
  let sizeBytes: number | undefined;

  const answer = async (effect: Effect): Promise<Answer> => {
    if (isQuestion(effect)) return answerFrom(flash, profile, trust, { slot, sizeBytes }, effect);
    requireRoom(effect, reception);
    const again = sizeBytes !== undefined;
    sizeBytes = await store(effect, reception, fetching, again);
  };

  const ending = await drive(run(admitted, 'update'), answer);
  if (ending.failure === undefined && sizeBytes !== undefined) onStep?.('image-verified');
  const staged = closeSlot(reception, ending, sizeBytes);
  if (staged) onStep?.('staged');
  return { ...ending, staged };
}

/** The staged image is booted next, on trial. The caller restarts the device. */
export function activate(journal: Journal, running: 0 | 1, attempts: number): void {
  journal.append({ name: 'trial', slot: beside(running), attempts });
}

const beside = (running: 0 | 1): 0 | 1 => (running === 0 ? 1 : 0);

/** Puts an image into the slot and returns its size. */
async function store(
  effect: Change,
  reception: Reception,
  fetching: Fetching,
  again: boolean,
): Promise<number> {
  const { journal, slot } = reception;
  const writer = openSlot(reception, effect.expected, again);
  if (typeof writer === 'number') return writer;
  try {
    if (effect.do === 'write') writer.push(effect.content.subarray(writer.offset));
    else await fetchPayload(effect.uri, writer, effect.expected.sizeBytes, fetching);
  } catch (error) {
    if (error instanceof SuitError) journal.append({ name: 'unusable', slot, because: error.reason });
    throw error;
  }
  return writer.finish();
}
