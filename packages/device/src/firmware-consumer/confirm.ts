/**
 * A trial ends here, or in the bootloader when its attempts are used up (RFC 9019 §4.1). Being unreachable
 * costs no attempt: the agent keeps asking until the deadline on the monotonic clock. Firmware that does
 * not prove itself reverts by itself.
 */

import type { AuthenticManifest, ComponentIdentifier } from '@lapel/suit';
import type { Clock, Random } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import type { Counter } from '../hardware.ts';
import { agreeWithCounter } from '../bootloader/counter.ts';
import type { Journal } from '../storage/journal.ts';
import type { Layout } from '../storage/layout.ts';
import { stateOf } from '../storage/slot-state.ts';
import { confirmation } from '../storage/snapshot.ts';
import type { TrustStore } from '../trust-store.ts';
import { backOff } from './fetch.ts';
import { within } from './within.ts';

export interface Trial extends Proving {
  readonly journal: Journal;
  readonly layout: Layout;
  readonly counter?: Counter;
  readonly slot: number;
  readonly manifest: AuthenticManifest;
  /** Whose floors rise with it: those that the manifest names, and those of its dependencies. */
  readonly components: readonly ComponentIdentifier[];
}

export interface Proving {
  readonly trust: TrustStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The firmware's own opinion: it runs and finds its hardware. */
  readonly selfTest: () => Promise<boolean>;
  /**
   * Tells a peer that this firmware runs. Resolves to whether that peer has proved who it is, in answer to
   * this very message; rejects with a TransportError while it cannot be reached.
   */
  readonly announce: () => Promise<boolean>;
  /** Resolves once other processors run their part of it, or to why they do not; before the deadline. */
  readonly together?: (deadlineMs: number) => Promise<string | undefined>;
}

/** Ends the trial one way or the other, and says which; the caller restarts the device after `reverted`. */
export async function confirm(trial: Trial): Promise<'confirmed' | 'reverted'> {
  const { journal, slot, components } = trial;
  const because = await disproof(trial);
  if (because !== undefined) return revert(trial, because);
  const record = confirmation(journal.bootRecord, slot, components);
  if (record === undefined) throw new Error(`expected an image on trial in slot ${slot}, found none`);
  journal.append(record);
  agreeWithCounter(journal.bootRecord, trial.layout, trial.counter);
  return 'confirmed';
}

/** Why it has not proved itself; undefined where it has. */
export async function disproof(proving: Proving): Promise<string | undefined> {
  const { trust, clock, selfTest, together } = proving;
  const deadline = clock.monotonicMs() + trust.deadlineMs;
  const alone = await together?.(deadline);
  if (alone !== undefined) return alone;
  const passed = await within(deadline, proving, selfTest);
  if (passed === undefined) return `no end of the self-test within ${trust.deadlineMs} ms`;
  if (!passed) return 'the self-test failed';
  if (trust.confirmBy === 'self-test' || (await isAnswered(deadline, proving))) return undefined;
  return `no answer from the status tracker within ${trust.deadlineMs} ms`;
}

async function isAnswered(deadline: number, proving: Proving): Promise<boolean> {
  const { announce, clock, random, signal } = proving;
  for (let attempt = 0; clock.monotonicMs() < deadline; attempt++) {
    try {
      if ((await within(deadline, proving, announce)) === true) return true;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
    const left = deadline - clock.monotonicMs();
    await clock.sleep(Math.max(0, Math.min(left, backOff(attempt, random))), signal);
  }
  return false;
}

function revert({ journal, slot, manifest }: Trial, because: string): 'reverted' {
  const state = stateOf(journal.bootRecord.slots, slot);
  const binding = 'binding' in state ? state.binding : {};
  journal.append({ name: 'reverted', digest: manifest.digest.bytes, because, ...binding });
  return 'reverted';
}
