/**
 * How the agent waits for a network. One that stays away is no reason to change anything; one that says no
 * is asked again, but nothing else waits for it.
 */

import type { Clock, Random } from '@lapel/transport';
import { TransportError } from '@lapel/transport';
import type { OnStep } from '../step.ts';
import { backOff } from './fetch.ts';

interface Waiting {
  readonly clock: Clock;
  readonly random: Random;
  readonly onStep?: OnStep;
}

/** Until it succeeds, ever more patiently. */
export async function patiently<T>(
  waiting: Waiting,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const tell = teller(waiting);
  for (let misses = 0; ; misses++) {
    const ended = await tried(attempt);
    if (!(ended instanceof TransportError)) return ended;
    tell(ended, misses);
    await pause(waiting, signal, misses);
  }
}

const refusalsMax = 3;

/** Until it succeeds, or has been refused `refusalsMax` times: says whether it succeeded. */
export async function severalTimes(
  waiting: Waiting,
  signal: AbortSignal,
  attempt: () => Promise<void>,
): Promise<boolean> {
  const tell = teller(waiting);
  for (let misses = 0, refusals = 0; ; misses++) {
    const ended = await tried(attempt);
    if (!(ended instanceof TransportError)) return true;
    tell(ended, misses);
    if (ended.kind === 'refused' && ++refusals === refusalsMax) return false;
    await pause(waiting, signal, misses);
  }
}

const attemptsMax = 6;

/** A few times; the last TransportError is thrown on. */
export async function atMost<T>(
  waiting: Waiting,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let misses = 0; ; misses++) {
    const ended = await tried(attempt);
    if (!(ended instanceof TransportError)) return ended;
    if (misses + 1 === attemptsMax) throw ended;
    await pause(waiting, signal, misses);
  }
}

/** Worth one try, no more. */
export async function once(attempt: () => Promise<unknown>): Promise<void> {
  await tried(attempt);
}

async function tried<T>(attempt: () => Promise<T>): Promise<T | TransportError> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof TransportError) return error;
    throw error;
  }
}

/** What is lost once is no news; what stands in the way for longer is, until it is something else. */
function teller({ onStep }: Waiting): (error: TransportError, misses: number) => void {
  let told = '';
  return ({ message }, misses) => {
    if (misses === 0 || message === told) return;
    told = message;
    onStep?.('waiting', message);
  };
}

async function pause({ clock, random }: Waiting, signal: AbortSignal, misses: number): Promise<void> {
  await clock.sleep(backOff(misses, random), signal);
  signal.throwIfAborted();
}
