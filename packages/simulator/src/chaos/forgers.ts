/** Whoever has no key says that it has one: an identity that is taken, or one that nobody has let in. */

import type { SigningKey } from '@lapel/cose';
import { generateSigningKey } from '@lapel/cose';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Clock, Handler } from '@lapel/transport';
import { deviceClass, vendor } from '../firmware.ts';
import type { SeededRandom } from '../random.ts';
import type { Ledger } from './ledger.ts';

export interface ForgersOptions {
  readonly handler: Handler;
  readonly victims: readonly string[];
  readonly tracker: SigningKey;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly ledger: Ledger;
  /** Runs what may fail by a link, or be refused. */
  readonly tolerant: (act: () => Promise<void>) => Promise<void>;
}

/** A hundred thousand in half an hour. */
const forgedASecond = 56;
/** What is behind is made up for by so many at a time. */
const atOnceMax = 40;
const pauseMs = 250;
const answerMsMax = 3_000;

/** @returns how many registrations were forged, when `signal` fires. */
export async function forge(options: ForgersOptions, signal: AbortSignal): Promise<number> {
  const { clock, tolerant } = options;
  const startMs = clock.monotonicMs();
  let forged = 0;
  while (!signal.aborted) {
    await clock.sleep(pauseMs);
    const wanted = Math.floor(((clock.monotonicMs() - startMs) / 1_000) * forgedASecond) - forged;
    const now = Array.from({ length: Math.min(atOnceMax, wanted) }, () => forged++);
    await Promise.all(now.map(async (number) => tolerant(() => forgeOne(number, options))));
  }
  return forged;
}

async function forgeOne(
  number: number,
  { handler, victims, tracker, clock, random, ledger }: ForgersOptions,
): Promise<void> {
  const victim = random.below(8) === 0 ? victims[random.below(victims.length)] : undefined;
  const id = victim ?? `forged-${number}`;
  const client = createTrackerClient({
    ...{ handler, clock, random, device: id, key: generateSigningKey('P-256'), trackerKey: tracker.public },
    ...{ vendor, class: deviceClass('lamp'), answerMsMax },
  });
  await client.register();
  if (victim !== undefined) ledger.finding(`${victim} was registered with another key than its own`);
  // Most only knock; some go on as if they had been let in.
  if (random.below(8) > 0) return;
  if ((await client.poll()) !== undefined) ledger.finding(`${id} was offered something unapproved`);
}
