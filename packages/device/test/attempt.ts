/** A device that is offered one update, under conditions that a test chooses. */

import assert from 'node:assert/strict';
import type { Booted, Conditions, Profile, Step, UpdateSource } from '@lapel/device';
import { boot, readTrustStore, runAgent } from '@lapel/device';
import type { NorFlash } from '@lapel/simulator';
import { seededRandom, servedFromMemory, simulatedClock } from '@lapel/simulator';
import type { Clock } from '@lapel/transport';
import type { Change } from './resigned.ts';
import { resigned } from './resigned.ts';
import { newImage, origin } from './life.ts';
import { flashOf, make } from './world.ts';

export const made = await make({ imagePages: 16 });
const release = await made.release(newImage, 2);
export const changed = (change: Change): Uint8Array => resigned(made, release, change);

/** The clock of the simulator begins on this Thursday. */
export const startMs = Date.UTC(2026, 0, 1);
export const startSeconds = startMs / 1000;
export const hourMs = 3_600_000;

export interface Trying {
  readonly flash?: NorFlash;
  readonly profile?: Profile;
  readonly conditions?: Conditions;
  readonly clock?: ReturnType<typeof simulatedClock>;
  readonly isTrusted?: boolean;
  /** As a tracker offers it, who is to hear how it ends. */
  readonly isOffered?: boolean;
  readonly signal?: AbortSignal;
}

export interface Tried {
  readonly flash: NorFlash;
  readonly steps: readonly (readonly [Step, string | undefined])[];
  readonly payloads: number;
  readonly reports: number;
  /** When the agent was done with it. */
  readonly ms: number;
}

const over = new Error('over');

/** One offer to a device that runs the factory's firmware, until it restarts or asks for the next. */
export async function attempt(envelope: Uint8Array, trying: Trying = {}): Promise<Tried> {
  const { clock = simulatedClock(), flash = flashOf(made), isTrusted = true } = trying;
  const { profile = made.profile, conditions } = trying;
  const decision = boot(flash, profile) as Booted;
  const trust = readTrustStore(flash, profile.layout.trustStore);
  assert.ok(trust !== undefined);
  const steps: (readonly [Step, string | undefined])[] = [];
  let [asked, payloads, reports] = [0, 0, 0];
  const serve = servedFromMemory([newImage]);
  const binding = trying.isOffered === true ? { generation: 1, nonce: new Uint8Array(16) } : {};
  const done = new AbortController();
  const source: UpdateSource = {
    announce: async () => true,
    report: async () => void reports++,
    postpone: () => undefined,
    async next() {
      if (asked++ === 0) return { uri: `${origin}/manifests/x`, envelope, binding };
      done.abort(over);
      return undefined;
    },
  };
  const signal = AbortSignal.any([done.signal, ...(trying.signal === undefined ? [] : [trying.signal])]);
  await runAgent(
    {
      flash,
      profile,
      trust,
      decision,
      journal: decision.journal,
      source,
      network: () => (request) => (payloads++, serve(request)),
      clock: { ...clock, wallIsTrusted: isTrusted } satisfies Clock,
      random: seededRandom(1),
      pollMs: 1000,
      selfTest: async () => true,
      ...(conditions === undefined ? {} : { conditions }),
      onStep: (step, detail) => void steps.push([step, detail]),
    },
    signal,
  ).catch((error: unknown) => assert.equal(error, done.signal.aborted ? over : trying.signal?.reason));
  return { flash, steps, payloads, reports, ms: clock.monotonicMs() };
}

/** `installed`, or why not. */
export async function outcome(envelope: Uint8Array, trying: Trying = {}): Promise<string> {
  const { steps } = await attempt(envelope, trying);
  const [last, detail] = steps.at(-1) ?? [];
  return last === 'restarting' ? 'installed' : `${last}: ${detail}`;
}
