/**
 * Says to the other processors of the device what they run (RFC 9019 §5.5). The journal alone decides: what
 * each is told follows from the record and from what was booted, and may be said as often as one likes.
 */

import type { ComponentIdentifier } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import { TransportError } from '@lapel/transport';
import type { AgentOptions } from '../agent-options.ts';
import type { Peer } from '../peer/link.ts';
import type { PeerStatus } from '../peer/protocol.ts';
import { isSame, stateOf } from '../storage/slot-state.ts';
import { backOff } from './fetch.ts';

export type Directing = Pick<AgentOptions, 'peers' | 'profile' | 'journal' | 'decision'>;

export interface Direction {
  /** The manifest that brought what is to run; nothing is, where undefined. */
  readonly manifest: Uint8Array | undefined;
  /** It has proved itself: there is no way back from it. */
  readonly isConfirmed: boolean;
}

const nothing: Direction = { manifest: undefined, isConfirmed: false };

/** What is on trial, else what was confirmed last. */
export function directionFor(component: ComponentIdentifier, directing: Directing): Direction {
  const { journal, decision } = directing;
  const { told, floors, slots } = journal.bootRecord;
  const name = componentName(component);
  const isNamedIn = (all: readonly ComponentIdentifier[] = []) =>
    all.some((each) => componentName(each) === name);
  if (told !== undefined && isNamedIn(told.components)) return { manifest: told.digest, isConfirmed: false };
  const floor = floors.get(name);
  const { running } = decision;
  const trial = running.find(({ slot }) => stateOf(slots, slot).state === 'trial');
  if (trial !== undefined && isNamedIn(trial.manifest.manifest.common.components)) {
    return { manifest: trial.manifest.digest.bytes, isConfirmed: false };
  }
  if (floor === undefined) return nothing;
  const [start] = running;
  const own = floors.get(componentName(start.component));
  // What was confirmed together runs together: where this half is lost and an older one runs, theirs rests.
  const isTorn =
    isSame(own?.manifestDigest, floor.manifestDigest) && start.sequenceNumber < floor.sequenceNumber;
  return isTorn ? nothing : { manifest: floor.manifestDigest, isConfirmed: true };
}

/**
 * Once to each. Resolves to whether all run what they should; one that was told just now has yet to say so.
 * @throws {TransportError} where one does not answer; {SuitError} where one refuses.
 */
export async function direct(directing: Directing, signal: AbortSignal): Promise<boolean> {
  const { peers, profile } = directing;
  let isInStep = true;
  for (const { identifier } of profile.layout.components) {
    const peer = peers?.get(componentName(identifier));
    if (peer === undefined) continue;
    isInStep = (await directOne(peer, directionFor(identifier, directing), signal)) && isInStep;
  }
  return isInStep;
}

async function directOne(
  peer: Peer,
  { manifest, isConfirmed }: Direction,
  signal: AbortSignal,
): Promise<boolean> {
  const status = await peer.status(signal);
  if (!doesRun(status, manifest)) {
    await peer.run(manifest, signal);
    return false;
  }
  if (manifest !== undefined && isConfirmed && !isSame(status.settled, manifest)) {
    await peer.settle(manifest, signal);
  }
  return true;
}

const doesRun = ({ running }: PeerStatus, manifest: Uint8Array | undefined): boolean =>
  running === undefined || manifest === undefined ? running === manifest : isSame(running, manifest);

/** Between two looks at processors that run what they should: one may have restarted. */
const beatMs = 5000;

/**
 * Until all run what they should. Resolves to why that is not to be had; being out of reach is no reason
 * before the deadline.
 */
export async function together(
  agent: AgentOptions,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<string | undefined> {
  const { clock, random, trust } = agent;
  for (let [told, misses] = [0, 0]; ; misses++) {
    try {
      if (await direct(agent, signal)) return undefined;
      // Told, and not running when asked again: it did not come up.
      if (told++ === trust.attempts) return `another processor did not come up in ${trust.attempts} attempts`;
    } catch (error) {
      if (error instanceof SuitError) return error.message;
      if (!(error instanceof TransportError)) throw error;
    }
    const left = deadlineMs - clock.monotonicMs();
    if (left <= 0) return 'no answer of another processor before the deadline';
    await clock.sleep(Math.min(left, beatMs, backOff(misses, random)), signal);
  }
}

/** For as long as the application runs. Rejects with the signal's reason, or with what is a bug. */
export async function keepInStep(agent: AgentOptions, signal: AbortSignal): Promise<never> {
  const { clock, random, onStep } = agent;
  for (let [misses, complaint] = [0, '']; ;) {
    const found = await outOfStep(agent, signal);
    if (found !== undefined && found !== '' && found !== complaint) onStep?.('out-of-step', found);
    complaint = found ?? '';
    misses = found === undefined ? 0 : misses + 1;
    await clock.sleep(found === undefined ? beatMs : Math.min(beatMs, backOff(misses, random)), signal);
  }
}

/** Undefined where all is as it should be; empty where one was told just now. */
async function outOfStep(agent: AgentOptions, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await direct(agent, signal)) ? undefined : '';
  } catch (error) {
    if (error instanceof TransportError || error instanceof SuitError) return error.message;
    throw error;
  }
}
