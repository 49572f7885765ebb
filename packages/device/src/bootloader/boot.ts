/**
 * The bootloader's whole work: read the journal, choose, verify, jump. It is offline, synchronous, and
 * believes nothing that the application found out: the stored envelope's signature and the image's digest
 * are checked at every boot (RFC 9019 §6; manifest-37 §6.3, trusted invocation). Expiry never gates
 * booting.
 */

import { equalInConstantTime } from '@lapel/cose';
import type { Answer, AuthenticManifest, Effect, SuitRecord } from '@lapel/suit';
import { SuitError, admit, authenticate, driveSync, run } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import { answerFrom, isComponent, isQuestion } from '../storage/components.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { inRecord } from '../storage/journal-record.ts';
import { readStoredEnvelope } from '../storage/slots.ts';
import type { TrustStore } from '../trust-store.ts';
import { readTrustStore } from '../trust-store.ts';
import type { Candidate } from './select.ts';
import { select } from './select.ts';

/** What the bootloader jumps to, and why: exposed to the application (RFC 9019 §6, S4-125). */
export type BootDecision =
  | {
      readonly boot: 'slot';
      readonly slot: 0 | 1;
      readonly onTrial: boolean;
      readonly manifest: AuthenticManifest;
      /** What the manifest wanted recorded of its own invocation. */
      readonly records: readonly SuitRecord[];
      readonly reason: string;
    }
  | NothingBoots;

/** No slot verifies: only a signed image from outside brings the device back (`recover`). */
export interface NothingBoots {
  readonly boot: 'nothing';
  readonly reason: string;
}

/**
 * Each step that changes state is in the journal before it is acted on. What does not verify is written off
 * only when something else does: reading may fail once and succeed at the next start, and a device that has
 * nothing better keeps what it has.
 */
export function boot(flash: Flash, profile: Profile): BootDecision {
  const { layout } = profile;
  const trust = readTrustStore(flash, layout.trustStore);
  if (trust === undefined)
    return { boot: 'nothing', reason: 'expected a provisioned trust store, found none' };
  const journal = Journal.open(flash, layout.journal);
  const { candidates, exhausted } = select(journal.bootRecord);
  for (const { slot, state } of exhausted) {
    const because = 'not confirmed within its attempts';
    journal.append({ name: 'reverted', slot, digest: state.digest, because, ...state.binding });
  }

  const refused: Refused[] = [];
  for (const candidate of candidates) {
    const { slot } = candidate;
    const onTrial = candidate.state.state === 'trial';
    // An attempt that hangs has been counted: the record stands before anything of the image is looked at.
    if (onTrial) journal.append({ name: 'attempt', slot });
    try {
      const verified = verify(flash, profile, trust, candidate);
      for (const each of refused) writeOff(journal, each);
      const found = `slot ${slot} ${onTrial ? 'on trial' : 'confirmed'}`;
      return { boot: 'slot', slot, onTrial, reason: [found, ...told(refused)].join('; '), ...verified };
    } catch (error) {
      if (!(error instanceof SuitError)) throw error;
      refused.push({ candidate, because: error.message });
    }
  }
  return { boot: 'nothing', reason: ['no slot verifies', ...told(refused)].join('; ') };
}

interface Refused {
  readonly candidate: Candidate;
  readonly because: string;
}

const told = (refused: readonly Refused[]) =>
  refused.map(({ candidate, because }) => `slot ${candidate.slot} refused: ${because}`);

/**
 * An image on trial that is not what was installed says nothing against its release: it is `rotten`, and may
 * be installed again.
 */
function writeOff(journal: Journal, { candidate: { slot, state }, because: message }: Refused): void {
  const because = inRecord(message);
  if (state.state !== 'trial') return journal.append({ name: 'unusable', slot, because });
  const { digest, binding } = state;
  journal.append({ name: 'reverted', slot, digest, because, rotten: true, ...binding });
}

interface Verified {
  readonly manifest: AuthenticManifest;
  readonly records: readonly SuitRecord[];
}

/** Invocation with the slot as the component's storage. @throws {SuitError} */
function verify(flash: Flash, profile: Profile, trust: TrustStore, { slot, state }: Candidate): Verified {
  const stored = readStoredEnvelope(flash, profile.layout.slots[slot], state.envelopeBytes);
  const manifest = authenticate(stored, trust.anchors, profile.limits);
  // Another manifest than the one that was installed, however authentic, was never on trial here.
  if (!equalInConstantTime(manifest.digest.bytes, state.digest)) {
    throw new SuitError('setup', 'unauthorised', 'expected the manifest that was installed, found another');
  }
  const admitted = admit(manifest, {
    limits: profile.limits,
    hasComponent: (component) => isComponent(profile, component),
    floor: () => undefined,
  });
  const answer = (effect: Effect): Answer => {
    if (effect.do === 'invoke') return;
    if (!isQuestion(effect)) {
      throw new SuitError('run', 'command-unsupported', `expected no ${effect.do} while booting, found one`);
    }
    return answerFrom(flash, profile, trust, { slot, sizeBytes: state.imageBytes }, effect);
  };
  const { failure, records, verified } = driveSync(run(admitted, 'invocation'), answer);
  if (failure !== undefined) throw failure.error;
  // A manifest that forgets to compare the image is authentic and still no proof of it.
  if (!verified.some((component) => isComponent(profile, component))) {
    throw new SuitError('run', 'condition-failed', 'expected the manifest to match the image, found none');
  }
  return { manifest, records };
}
