/**
 * A trial ends here, or in the bootloader when its attempts are used up (RFC 9019 §4.1). Being unreachable
 * costs no attempt: the agent keeps asking until the deadline on the monotonic clock. Firmware that does
 * not prove itself reverts by itself.
 */

import type { AuthenticManifest } from '@lapel/suit';
import type { Clock, Random } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import type { BootRecord } from '../storage/boot-record.ts';
import type { Journal } from '../storage/journal.ts';
import type { TrustStore } from '../trust-store.ts';
import { backOff } from './fetch.ts';

export interface Trial {
  readonly journal: Journal;
  readonly trust: TrustStore;
  readonly slot: 0 | 1;
  readonly manifest: AuthenticManifest;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The firmware's own opinion: it runs and finds its hardware. */
  readonly selfTest: () => Promise<boolean>;
  /** Asks an authenticated peer; rejects with a TransportError while it cannot be reached. */
  readonly announce: () => Promise<void>;
}

/** Ends the trial one way or the other, and says which; the caller restarts the device after `reverted`. */
export async function confirm(trial: Trial): Promise<'confirmed' | 'reverted'> {
  const { trust, clock, selfTest } = trial;
  const deadline = clock.monotonicMs() + trust.deadlineMs;
  if (!(await selfTest())) return revert(trial, 'the self-test failed');
  if (trust.confirmBy === 'tracker' && !(await answeredBy(deadline, trial))) {
    return revert(trial, `no answer from the status tracker within ${trust.deadlineMs} ms`);
  }
  const components = trial.manifest.manifest.common.components ?? [];
  trial.journal.append({ name: 'confirmed', slot: trial.slot, components });
  return 'confirmed';
}

async function answeredBy(deadline: number, { announce, clock, random, signal }: Trial): Promise<boolean> {
  for (let attempt = 0; clock.monotonicMs() < deadline; attempt++) {
    try {
      await announce();
      return true;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    }
    const left = deadline - clock.monotonicMs();
    await clock.sleep(Math.max(0, Math.min(left, backOff(attempt, random))), signal);
  }
  return false;
}

function revert({ journal, slot, manifest }: Trial, because: string): 'reverted' {
  const binding = bindingOf(journal.bootRecord, slot);
  journal.append({ name: 'reverted', slot, digest: manifest.digest.bytes, because, ...binding });
  return 'reverted';
}

function bindingOf({ slots }: BootRecord, slot: 0 | 1) {
  const state = slots[slot];
  return 'binding' in state ? state.binding : {};
}
