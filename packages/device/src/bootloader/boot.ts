/**
 * The bootloader's whole work: read the journal, finish what a power cut interrupted, choose, verify, jump.
 * It is offline, synchronous, and believes nothing that the application found out (RFC 9019 §6; manifest-37
 * §6.3, trusted invocation). Expiry never gates booting.
 */

import type { AuthenticManifest, SuitRecord } from '@lapel/suit';
import type { Counter } from '../hardware.ts';
import type { Profile } from '../profile.ts';
import { createArena, withArena } from '../storage/arena.ts';
import type { Flash } from '../storage/flash.ts';
import { Journal } from '../storage/journal.ts';
import { inRecord } from '../storage/journal-record.ts';
import { isBootable, stateOf } from '../storage/slot-state.ts';
import { settleTrustStore } from '../trust-change.ts';
import { readTrustStore } from '../trust-store.ts';
import { agreeWithCounter } from './counter.ts';
import { finishMove, move } from './move.ts';
import type { Provisioned } from './provisioned.ts';
import type { Part, Parts } from './select.ts';
import { exhausted, select } from './select.ts';
import type { Proof } from './verify.ts';
import { verify } from './verify.ts';
import { vouch } from './voucher.ts';
import { wayToRun } from './way-to-run.ts';

/** One component that is booted, and what was found out about it (S4-125, S4-126). */
export interface Running extends Proof {
  readonly slot: number;
  readonly sequenceNumber: number;
  readonly onTrial: boolean;
}

/** What was not booted, and why. */
export interface Refused {
  readonly slot: number;
  readonly because: string;
}

/** What the bootloader jumps to, and why: exposed to the application (RFC 9019 §6, S4-125). */
export type BootDecision = Booted | NothingBoots;

export interface Booted {
  readonly boot: 'slot';
  /** Of what was jumped to: the first of `running`. */
  readonly slot: number;
  readonly manifest: AuthenticManifest;
  /** What the manifest wanted recorded of its own invocation. */
  readonly records: readonly SuitRecord[];
  readonly onTrial: boolean;
  /** Nothing better was to be had, or an update was to be handed over to it. */
  readonly isRecovery: boolean;
  readonly running: readonly [Running, ...Running[]];
  /** Handed over in memory: whoever opens it anew cannot tell what a power cut may have begun. */
  readonly journal: Journal;
  readonly refused: readonly Refused[];
  readonly reason: string;
  /** Working memory that it took to find out. */
  readonly ramBytes: number;
}

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
export function boot(board: Flash, profile: Profile, counter?: Counter): BootDecision {
  const { layout } = profile;
  const flash = withArena(board, createArena(profile.ramBytes));
  const known = readTrustStore(flash, layout.trustStore);
  if (known === undefined) return nothing('expected a provisioned trust store, found none');
  const journal = Journal.open(flash, layout.journal);
  const trust = settleTrustStore(flash, layout, journal) ?? known;
  const device = { flash, profile, trust, journal };
  const least = agreeWithCounter(journal.bootRecord, layout, counter);
  finishMove(flash, layout, journal);
  endExhausted(journal);

  const refused: Written[] = [];
  let movesLeft = movesMax;
  for (let isCounted = false; ;) {
    const open = refused.filter(({ isWrittenOff }) => !isWrittenOff).map(({ part }) => part.slot);
    const parts = select(journal.bootRecord, layout, { refused: new Set(open), least });
    if (parts === undefined) return nothing(reasonOf('no slot verifies', refused, least));
    const ways = parts.flatMap((part) => wayToRun(part, journal.bootRecord) ?? []);
    if (ways.length === 0) isCounted ||= countAttempt(journal, parts);
    const verdict = verify(device, parts);
    if ('disproof' in verdict) {
      const { because } = verdict.disproof;
      refused.push(...verdict.disproof.parts.map((part) => ({ part, because, isWrittenOff: false })));
      continue;
    }
    // Something verifies: what did not may be written off, and overwritten.
    for (const each of refused) if (!each.isWrittenOff) writeOff(journal, each);
    if (ways.length === 0) return decide(device, parts, verdict.proofs, refused);
    if (movesLeft < ways.length) return nothing(reasonOf('what verifies does not where it runs', refused));
    // What is staged was verified where it lies, and is again where it runs.
    for (const way of ways) move(flash, layout, journal, way);
    movesLeft -= ways.length;
  }
}

/** At one start: to where it runs, and back, in two components. */
const movesMax = 4;

interface Written {
  readonly part: Part;
  readonly because: string;
  isWrittenOff: boolean;
}

/** Trials whose attempts are used up have come to their end. */
function endExhausted(journal: Journal): void {
  for (;;) {
    const [trial] = exhausted(journal.bootRecord);
    if (trial === undefined) return;
    const { digest, binding } = trial;
    journal.append({ name: 'reverted', digest, because: 'not confirmed within its attempts', ...binding });
  }
}

/** An attempt that hangs has been counted: the record stands before anything of the image is looked at. */
function countAttempt(journal: Journal, parts: Parts): boolean {
  const trial = parts.find(({ state }) => state.state === 'trial');
  if (trial !== undefined) journal.append({ name: 'attempt', slot: trial.slot });
  return trial !== undefined;
}

/**
 * An image on trial that is not what was installed says nothing against its release: it is `rotten`, and may
 * be installed again.
 */
function writeOff(journal: Journal, written: Written): void {
  const { part, because: message } = written;
  const { slot, state } = part;
  const because = inRecord(message);
  written.isWrittenOff = true;
  if (!isBootable(stateOf(journal.bootRecord.slots, slot))) return;
  if (state.state !== 'trial') return journal.append({ name: 'unusable', slot, because });
  journal.append({ name: 'reverted', digest: state.digest, because, rotten: true, ...state.binding });
}

function decide(
  device: Provisioned,
  parts: Parts,
  proofs: ReadonlyMap<Part, Proof>,
  refused: readonly Written[],
): BootDecision {
  const { journal } = device;
  // A recovery application on trial is booted until it has proved itself, or is given up.
  const isOwnTrial = parts.some(({ component, state }) => isRecovery(component) && state.state === 'trial');
  if (journal.bootRecord.handover !== undefined && !isOwnTrial) journal.append({ name: 'handedOver' });
  const [start, ...rest] = parts.flatMap((part): Running[] => {
    const proof = proofs.get(part);
    if (proof === undefined) return [];
    if (proof.by === 'signature') vouch(device, part, proof.manifest);
    const { slot, state } = part;
    return [{ ...proof, slot, sequenceNumber: state.sequenceNumber, onTrial: state.state === 'trial' }];
  });
  if (start === undefined) return nothing('no slot verifies');
  const running = [start, ...rest] as const;
  const onTrial = running.some((each) => each.onTrial);
  const found = `slot ${start.slot} ${onTrial ? 'on trial' : 'confirmed'}`;
  return {
    boot: 'slot',
    slot: start.slot,
    manifest: start.manifest,
    records: start.records,
    onTrial,
    isRecovery: isRecovery(parts[0].component),
    running,
    journal,
    refused: refused.map(({ part: { slot }, because }) => ({ slot, because })),
    reason: reasonOf(found, refused),
    ramBytes: device.flash.arena.peakBytes,
  };
}

const isRecovery = ({ role }: Part['component']): boolean => role === 'recovery';

function reasonOf(found: string, refused: readonly Written[], least?: number): string {
  const told = refused.map(({ part, because }) => `slot ${part.slot} refused: ${because}`);
  const older = least === undefined ? [] : [`flash is older than its counter, which is at ${least}`];
  return [found, ...older, ...told].join('; ');
}

const nothing = (reason: string): NothingBoots => ({ boot: 'nothing', reason });
