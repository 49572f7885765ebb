/** Devices of any layout that live, restart by restart, under guard; and what was seen of them. */

import assert from 'node:assert/strict';
import { hex } from '@lapel/cbor';
import type { BootDecision, Booted, Candidate, Counter, DeviceStatus, Downtime } from '@lapel/device';
import type { Flash, Interruption, OnStep, Profile, Region, Step, UpdateSource } from '@lapel/device';
import { boot, expectedDowntimeMs, readTrustStore, runAgent, slotAt } from '@lapel/device';
import type { Behaviour, ChipState, Cut, NorFlash, Release } from '@lapel/simulator';
import { norFlash, readFlash, seededRandom, servedFromMemory, simulatedClock } from '@lapel/simulator';
import { componentName } from '@lapel/suit';
import type { Clock, Handler } from '@lapel/transport';
import { origin } from './life.ts';

export interface Living {
  readonly profile: Profile;
  readonly flash: Flash;
  /** Offered one after the other; the next one where the device will not have the one before. */
  readonly offers: readonly (Release | Candidate)[];
  /** Whose payloads are served; those that are offered where absent. */
  readonly releases?: readonly Release[];
  /** Instead of a desk that offers what is to be offered. */
  readonly connect?: (running: Booted) => UpdateSource;
  /** Instead of a peer that is always there and has proved who it is. */
  readonly announce?: (status: DeviceStatus, running: Booted) => Promise<boolean>;
  readonly behaviour?: (running: Booted) => Behaviour;
  readonly link?: (upstream: Handler) => Handler;
  readonly counter?: Counter;
  readonly clock?: Clock & { advance(ms: number): void };
  readonly onInterruption?: (notice: Interruption) => Promise<'go' | 'later'>;
  readonly onStep?: OnStep;
  /** Ends this device's life as it restarts. */
  readonly untilRestart?: boolean;
}

export interface Seen {
  readonly decisions: BootDecision[];
  readonly steps: (readonly [Step, string | undefined])[];
  /** What was said, in this order: steps, starts, and what was told to whom the device asks. */
  readonly order: string[];
  readonly statuses: DeviceStatus[];
  readonly reports: Uint8Array[];
}

/** At most; a device that lives longer goes round in circles. */
const [startsMax, looksMax] = [40, 40];
/** Within one start: an update that is there already, or waits, is offered so often. */
const againMax = 6;
/** Looks in vain, after which nothing more is to be expected. */
const quietMax = 3;

/** Until there is nothing new for the device any more, or nothing boots. */
export async function lives(living: Living): Promise<Seen> {
  const { profile, counter, behaviour = () => 'sound', clock = simulatedClock() } = living;
  const seen: Seen = { decisions: [], steps: [], order: [], statuses: [], reports: [] };
  const done = new AbortController();
  const guard = guarding(living.flash, profile);
  const payloads = (living.link ?? same)(servedFromMemory(imagesOf(living)));
  const desk = living.connect ?? offering(living, seen, () => done.abort(new Error('quiet')));
  let expectedMs: number | undefined;
  for (let start = 0; start < startsMax; start++) {
    const beganMs = clock.monotonicMs();
    guard.release();
    const decision = boot(guard.flash, profile, counter);
    seen.decisions.push(decision);
    seen.order.push(`starts ${nameOf(decision)}`);
    const trust = readTrustStore(living.flash, profile.layout.trustStore);
    if (decision.boot === 'nothing' || trust === undefined) return seen;
    guard.hold(decision);
    const how = behaviour(decision);
    if (how === 'crashes') continue;
    const downtime: Downtime | undefined =
      expectedMs === undefined ? undefined : { expectedMs, measuredMs: clock.monotonicMs() - beganMs };
    const ended = await runAgent(
      {
        ...living,
        flash: guard.flash,
        ...(downtime === undefined ? {} : { downtime }),
        trust,
        decision,
        journal: decision.journal,
        source: desk(decision),
        network: (asked) => (asked === origin ? payloads : undefined),
        clock,
        random: seededRandom(start),
        pollMs: 60_000,
        selfTest: () => (how === 'hangs' ? new Promise<never>(() => undefined) : settled(how === 'sound')),
        onStep(step, detail) {
          seen.steps.push([step, detail]);
          seen.order.push(step);
          living.onStep?.(step, detail);
        },
      },
      done.signal,
    ).catch((error: unknown) => {
      if (!done.signal.aborted) throw error;
    });
    if (ended === undefined || living.untilRestart === true) return seen;
    const isForUpdate = seen.steps.at(-1)?.[0] === 'restarting';
    expectedMs = isForUpdate ? expectedDowntimeMs(profile, decision.journal.bootRecord) : undefined;
  }
  return assert.fail(`expected the device to settle within ${startsMax} starts`);
}

const same = (handler: Handler): Handler => handler;
const settled = async (passed: boolean) => passed;

const isRelease = (offered: Release | Candidate): offered is Release => 'images' in offered;

const imagesOf = ({ offers, releases = offers.filter(isRelease) }: Living): readonly Uint8Array[] =>
  releases.flatMap(({ images }) => [...images.values()]);

/** A desk with updates for the device; it passes to the next one where one runs or was refused. */
function offering({ offers, announce }: Living, seen: Seen, onQuiet: () => void) {
  let [at, looks, quiet] = [0, 0, 0];
  const candidates = offers.map((each) => (isRelease(each) ? offerOf(each) : each));
  return (running: Booted): UpdateSource => {
    const runs = new Set(running.running.map(({ manifest }) => hex(manifest.digest.bytes)));
    const failed = () => seen.steps.filter(([step]) => step === 'failed').length;
    let refusals = failed();
    let last: Candidate | undefined;
    let again = 0;
    return {
      async announce(status) {
        seen.statuses.push(status);
        seen.order.push(`tells ${status.state}`);
        return announce === undefined || announce(status, running);
      },
      report: async (report) => void (seen.reports.push(report), seen.order.push('reports')),
      postpone: () => undefined,
      async next() {
        if (++looks > looksMax) throw new Error(`expected the device to settle in ${looksMax} looks`);
        const isOver = failed() > refusals || again === againMax;
        if (isOver && last === candidates[at]) [at, again] = [at + 1, 0];
        refusals = failed();
        while (runs.has(hex(candidates[at]?.digest ?? new Uint8Array()))) at++;
        const candidate = candidates[at];
        again = candidate === last ? again + 1 : 0;
        last = candidate;
        // What is no release runs nowhere: it is offered once.
        if (candidate !== undefined && candidate === offers[at]) at++;
        if (candidate === undefined && ++quiet === quietMax) onQuiet();
        return candidate;
      },
    };
  };
}

export const offerOf = ({ digest, envelope }: Release, generation?: number): Candidate => ({
  uri: `${origin}/manifests/${digest}`,
  digest: Uint8Array.from(Buffer.from(digest, 'hex')),
  envelope,
  binding: generation === undefined ? {} : { generation, nonce: new Uint8Array(16).fill(generation) },
});

/** A chip whose loader and trust store the hardware lets nobody write. */
export const chipOf = ({ layout }: Profile, state: ChipState, cut?: Cut): NorFlash =>
  norFlash({
    geometry: layout.geometry,
    ...state,
    ...(cut === undefined ? {} : { cut }),
    protectedRegions: [layout.loader, ...layout.trustStore],
  });

/** Refuses a write to what runs, from its start to its restart; the bootloader may move it. */
function guarding(flash: Flash, { layout }: Profile) {
  let runs: readonly Region[] = [];
  const check = (address: number) => {
    const hit = runs.some((region) => address >= region.address && address < region.address + region.bytes);
    assert.ok(!hit, `expected what runs to be left alone, found a write at ${address}`);
  };
  return {
    release: () => void (runs = []),
    hold({ running }: Booted) {
      runs = running.flatMap(({ slot }) => Object.values(slotAt(layout, slot)) as Region[]);
    },
    flash: {
      geometry: flash.geometry,
      read: (address, length) => flash.read(address, length),
      program: (address, bytes) => (check(address), flash.program(address, bytes)),
      erase: (address) => (check(address), flash.erase(address)),
    } satisfies Flash,
  };
}

/** Flash that remembers where it was written. */
export function noting(flash: Flash): {
  readonly flash: Flash;
  readonly written: (region: Region) => number;
} {
  const addresses: number[] = [];
  return {
    written: (region) =>
      addresses.filter((at) => at >= region.address && at < region.address + region.bytes).length,
    flash: {
      geometry: flash.geometry,
      read: (address, length) => flash.read(address, length),
      program: (address, bytes) => (addresses.push(address), flash.program(address, bytes)),
      erase: (address) => (addresses.push(address), flash.erase(address)),
    },
  };
}

/** The slots that were booted, a `t` behind them where something was on trial. */
export const nameOf = (decision: BootDecision): string =>
  decision.boot === 'nothing'
    ? 'nothing'
    : `${decision.running.map(({ slot }) => slot).join('+')}${decision.onTrial ? 't' : ''}`;

export const startsOf = ({ decisions }: Pick<Seen, 'decisions'>): string => decisions.map(nameOf).join(' ');

/** What a reader of its own finds in each slot: state and sequence number. */
export const slotsIn = ({ layout }: Profile, flash: NorFlash): readonly string[] =>
  readFlash(flash.dump(), layout).slots.map(({ state, sequenceNumber }) =>
    `${state} ${sequenceNumber ?? ''}`.trim(),
  );

/** Whether the image of a component lies in that slot, byte for byte. */
export function holds({ layout }: Profile, flash: Flash, slot: number, release: Release): boolean {
  const component = layout.components.find(({ slots }) => slots.includes(slot));
  const image = release.images.get(componentName(component?.identifier ?? [])) ?? new Uint8Array(1);
  const found = flash.read(slotAt(layout, slot).image.address, image.length);
  return Buffer.compare(found, image) === 0;
}

/** The flash with some bits of one byte changed. */
export function flipped({ content, ...rest }: ChipState, address: number, bits = 1): ChipState {
  return { ...rest, content: content.with(address, (content[address] ?? 0) ^ bits) };
}

export const stateOfChip = (flash: NorFlash): ChipState => ({
  content: flash.dump(),
  carried: flash.carried(),
});
