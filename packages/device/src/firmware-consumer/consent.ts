/**
 * Whose word an update waits for: its own application's, when that is idle, or that of whoever offered it
 * (draft-zhu-suit-automatic-fu-arch §3).
 */

import type { AgentOptions } from '../agent-options.ts';
import type { Consent, Permission, Waiting } from '../update-source.ts';
import { tell } from './tell.ts';

/** Between two looks: an idle device begins within a second. */
const lookMs = 500;

/** As the update's source says; where it says nothing, an installation waits until it disturbs nobody. */
export function waitWith(
  agent: AgentOptions,
  signal: AbortSignal,
  digest: Uint8Array,
  consent: Consent | undefined,
  step: keyof Consent,
): Promise<Permission> {
  // Where the service is down already, everybody waits for the update.
  if (agent.decision.isRecovery) return Promise.resolve('go');
  const waiting = waitingOf(agent, signal, digest);
  if (consent !== undefined) return consent[step](waiting);
  return step === 'beforeFetch' ? Promise.resolve('go') : untilIdle(waiting);
}

/** @param over told to end the waiting otherwise, between two looks */
export async function untilIdle(
  { clock, signal, isIdle }: Waiting,
  over: () => Promise<Permission | undefined> = async () => undefined,
): Promise<Permission> {
  for (;;) {
    signal.throwIfAborted();
    if (await isIdle()) return 'go';
    const otherwise = await over();
    if (otherwise !== undefined) return otherwise;
    await clock.sleep(lookMs, signal);
  }
}

function waitingOf(agent: AgentOptions, signal: AbortSignal, digest: Uint8Array): Waiting {
  const { clock, pollMs, isIdle = async () => true, serviceLoad } = agent;
  let told = serviceLoad?.();
  return {
    clock,
    signal,
    pollMs,
    isIdle,
    async tellLoad() {
      const load = serviceLoad?.();
      if (load === told) return;
      told = load;
      await tell(agent, signal, 'fetching', digest);
    },
  };
}
