/**
 * Cuts the power before and in the middle of every flash operation of an update, then lets the device start
 * again, and asks a reader that shares no code with it: is what booted an image that somebody signed, is a
 * confirmed image still there, has no floor fallen, and can the device still finish the update?
 */

import { createHash } from 'node:crypto';
import type { BootDecision, Network, Profile } from '@lapel/device';
import { serverSource } from '@lapel/device';
import type { Handler } from '@lapel/transport';
import { simulatedClock } from './clock.ts';
import type { Behaviour } from './device-life.ts';
import { live } from './device-life.ts';
import type { Cut, NorFlash } from './flash.ts';
import { PowerCut, norFlash } from './flash.ts';
import { readFlash } from './flash-reader.ts';
import { seededRandom } from './random.ts';

export interface Scenario {
  readonly name: string;
  readonly profile: Profile;
  /** The flash as the factory left it. */
  readonly factory: Uint8Array;
  /** A firmware server that has released the new firmware. */
  readonly server: Handler;
  readonly old: Uint8Array;
  readonly new: Uint8Array;
  /** What the new firmware does when it runs; the old one is sound. */
  readonly behaviour: Behaviour;
  /** The sequence numbers of the two. */
  readonly sequences: { readonly old: number; readonly new: number };
}

export interface PowercutResult {
  readonly scenario: string;
  readonly operations: number;
  readonly cuts: number;
  readonly violations: readonly string[];
}

export interface PowercutOptions {
  readonly seed: number;
  /** Torn variants of each operation, beside the cut before it. */
  readonly tornEach: number;
  readonly onCut?: (done: number, total: number) => void;
}

/** A cut that breaks more than this is not looked into further. */
const violationsMax = 20;

export async function powercut(scenario: Scenario, options: PowercutOptions): Promise<PowercutResult> {
  const whole = start(scenario, scenario.factory);
  await settle(scenario, whole);
  const { operations } = whole;
  const violations = judge(scenario, whole, 'without a cut', true);
  const total = operations * (1 + options.tornEach);
  let cuts = 0;
  for (let operation = 0; operation < operations && violations.length < violationsMax; operation++) {
    for (let variant = 0; variant <= options.tornEach; variant++) {
      const random = seededRandom(options.seed).fork(`${operation}/${variant}`);
      const torn = variant === 0 ? (false as const) : random;
      violations.push(...(await cutOnce(scenario, { operation, torn }, variant)));
      cuts++;
      options.onCut?.(cuts, total);
    }
  }
  return { scenario: scenario.name, operations, cuts, violations };
}

async function cutOnce(scenario: Scenario, cut: Cut, variant: number): Promise<string[]> {
  const where = `${scenario.name}: cut ${variant === 0 ? 'before' : 'in'} operation ${cut.operation} (${variant})`;
  const flash = start(scenario, scenario.factory, cut);
  try {
    await settle(scenario, flash);
    return [`${where}: expected a cut, found none`];
  } catch (error) {
    if (!(error instanceof PowerCut)) return [`${where}: before the cut: ${String(error)}`];
  }
  const violations = judge(scenario, flash, `${where}: right after`, false);
  const again = start(scenario, flash.dump());
  try {
    const boots = await settle(scenario, again);
    violations.push(...judgeBoots(scenario, boots, where));
  } catch (error) {
    return [...violations, `${where}: after the cut: ${String(error)}`];
  }
  return [...violations, ...judge(scenario, again, `${where}: at the end`, true)];
}

const start = ({ profile }: Scenario, content: Uint8Array, cut?: Cut): NorFlash =>
  norFlash({ geometry: profile.layout.geometry, content, ...(cut === undefined ? {} : { cut }) });

interface Booted {
  readonly decision: BootDecision;
  /** What the flash held when the bootloader jumped. */
  readonly flash: Uint8Array;
}

const origin = 'http://firmware.example';

/** Lets the device live until it finds nothing new. */
async function settle(scenario: Scenario, flash: NorFlash): Promise<readonly Booted[]> {
  const { profile, server } = scenario;
  const clock = simulatedClock();
  const done = new AbortController();
  const boots: Booted[] = [];
  const network: Network = (asked) => (asked === origin ? server : undefined);
  const newImage = sha256(scenario.new);
  await live(
    {
      flash,
      profile,
      network,
      clock,
      random: seededRandom(1),
      pollMs: 1000,
      behaviour: ({ slot }) => (imageIn(scenario, flash, slot) === newImage ? scenario.behaviour : 'sound'),
      onBoot: (decision) => boots.push({ decision, flash: flash.dump() }),
      connect: (trust, { manifest }) => {
        const source = serverSource({
          handler: server,
          origin,
          vendor: trust.vendor,
          class: trust.class,
          running: manifest.digest.bytes,
          envelopeBytesMax: profile.limits.envelopeBytes,
        });
        return {
          ...source,
          async next(signal) {
            const candidate = await source.next(signal);
            const refused = flashRefuses(scenario, flash);
            if (candidate === undefined || refused) done.abort(new Error('settled'));
            return refused ? undefined : candidate;
          },
        };
      },
    },
    done.signal,
  );
  return boots;
}

/** A firmware that did not prove itself is not tried again: then there is nothing more to come. */
const flashRefuses = ({ profile, behaviour }: Scenario, flash: NorFlash) =>
  behaviour !== 'sound' &&
  readFlash(flash.dump(), profile.layout).slots.some(({ state }) => state === 'unusable');

/** What must be true of the flash at any time, and of its end. */
function judge(scenario: Scenario, flash: NorFlash, where: string, atEnd: boolean): string[] {
  const { sequences, behaviour } = scenario;
  const { slots, floor } = readFlash(flash.dump(), scenario.profile.layout);
  const violations: string[] = [];
  const known = new Map([
    [sequences.old, sha256(scenario.old)],
    [sequences.new, sha256(scenario.new)],
  ]);
  const sound = slots.filter(
    ({ state, sequenceNumber = -1, image }) => state === 'confirmed' && known.get(sequenceNumber) === image,
  );
  if (sound.length === 0) violations.push(`${where}: expected a confirmed image, found ${describe(slots)}`);
  for (const { state, sequenceNumber = -1, image } of slots) {
    const complete = state === 'staged' || state === 'trial' || state === 'confirmed';
    if (complete && known.get(sequenceNumber) !== image) {
      violations.push(`${where}: expected slot content to match its manifest, found ${describe(slots)}`);
    }
  }
  if (floor < sequences.old) violations.push(`${where}: expected floor ${sequences.old}, found ${floor}`);
  if (!atEnd) return violations;
  const wanted = behaviour === 'sound' ? sequences.new : sequences.old;
  if (!sound.some(({ sequenceNumber }) => sequenceNumber === wanted) || floor !== wanted) {
    violations.push(`${where}: expected ${wanted} confirmed, found ${describe(slots)} and floor ${floor}`);
  }
  return violations;
}

/** Each start after the cut jumped to an image that is one of the two, whole. */
function judgeBoots(scenario: Scenario, boots: readonly Booted[], where: string): readonly string[] {
  const known = new Set([sha256(scenario.old), sha256(scenario.new)]);
  return boots.flatMap(({ decision, flash }) => {
    if (decision.boot === 'nothing') return [`${where}: expected a bootable image, found ${decision.reason}`];
    const { image } = readFlash(flash, scenario.profile.layout).slots[decision.slot] ?? {};
    return image !== undefined && known.has(image)
      ? []
      : [`${where}: expected a signed image to boot, found another`];
  });
}

const describe = (slots: ReturnType<typeof readFlash>['slots']) =>
  slots.map(({ state, sequenceNumber }) => `${state} ${sequenceNumber ?? ''}`.trim()).join(', ');

const imageIn = ({ profile }: Scenario, flash: NorFlash, slot: number) =>
  readFlash(flash.dump(), profile.layout).slots[slot]?.image;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
