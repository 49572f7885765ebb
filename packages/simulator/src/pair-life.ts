/**
 * Two processors on a bus, in one world under one clock: the master with its agent, and the peer that it
 * directs; each with flash of its own that may lose power. They live until nothing new is to come and both
 * have come to rest.
 */

import { hex } from '@lapel/cbor';
import type { BusPeer, DualBus, Launch, OnStep, UpdateSource } from '@lapel/device';
import { createPeer, createPeerLink } from '@lapel/device';
import { componentName } from '@lapel/suit';
import type { Bus, BusFaults } from './bus.ts';
import { createBus } from './bus.ts';
import type { SimulatedClock } from './clock.ts';
import { simulatedClock } from './clock.ts';
import type { Behaviour } from './device-life.ts';
import { live } from './device-life.ts';
import type { Cut, NorFlash } from './flash.ts';
import { PowerCut, norFlash } from './flash.ts';
import { readFlash } from './flash-reader.ts';
import { servedFromMemory } from './memory-payloads.ts';
import type { PairWatch } from './pair-watch.ts';
import { watchPair } from './pair-watch.ts';
import type { ChipState, Release } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

export type Half = 'master' | 'peer';

export interface PairPlan {
  readonly profiles: DualBus;
  readonly chips: Readonly<Record<Half, ChipState>>;
  /** All that an author ever signed for it. */
  readonly releases: readonly Release[];
  /** One after the other; the next one where the pair will not have the one before. */
  readonly offers: readonly Release[];
  /** What a half's firmware does when it runs; all are sound, where absent. */
  readonly behaviour?: (half: Half, release: Release) => Behaviour;
  readonly bus?: BusFaults;
  /** Whose power goes once, and in which operation of its flash. */
  readonly cuts?: Readonly<Partial<Record<Half, Cut>>>;
  /** The first payloads arrive wrong, so many of them. */
  readonly wrongPayloads?: number;
  /** False where the master knows of no peer. */
  readonly isConnected?: boolean;
}

export interface PairLived {
  /** The release that each half runs in the end. */
  readonly runs: Readonly<Record<Half, Release | undefined>>;
  /** What must not happen, and did. */
  readonly violations: readonly string[];
  /** The longest that both ran what does not belong together, while the bus carried messages. */
  readonly mixedMs: number;
  readonly messages: number;
  /** Of the flash of each, in its last life. */
  readonly operations: Readonly<Record<Half, number>>;
  readonly flash: Readonly<Record<Half, NorFlash>>;
  readonly steps: readonly string[];
  readonly ms: number;
}

const origin = 'http://firmware.example';
/** A pair that looks for news this often will not come to rest. */
const looksMax = 400;
const pollMs = 10_000;
/** What restarts a peer that hangs. */
const watchdogMs = 8000;

export async function livePair(plan: PairPlan): Promise<PairLived> {
  const clock = simulatedClock();
  const bus = createBus(clock, plan.bus);
  const watch = watchPair(plan.releases, clock, bus);
  const steps: string[] = [];
  const world: World = { plan, clock, bus, watch, done: new AbortController() };
  const peer = powerPeer(world);
  const master = await powerMaster(world, peer, (step, detail) => {
    steps.push(detail === undefined ? step : `${step}: ${detail}`);
    if (step === 'confirmed') watch.confirmed();
  });
  watch.look();
  const flash = { master, peer: peer.flash };
  const operations = { master: master.operations, peer: peer.flash.operations };
  const { runs, violations, mixedMs } = watch;
  const { messages } = bus;
  return { runs, violations, mixedMs, messages, operations, flash, steps, ms: clock.monotonicMs() };
}

interface World {
  readonly plan: PairPlan;
  readonly clock: SimulatedClock;
  readonly bus: Bus;
  readonly watch: PairWatch;
  readonly done: AbortController;
}

interface PoweredPeer {
  receive(bytes: Uint8Array): void;
  /** Where its answers go. */
  answers: (bytes: Uint8Array) => void;
  readonly flash: NorFlash;
}

/** From reset to reset: it lives in its bootloader, or in what it has jumped to. */
function powerPeer({ plan, clock, bus, watch, done }: World): PoweredPeer {
  const { profiles, chips, cuts, behaviour } = plan;
  const profile = profiles.peer;
  const { geometry, loader } = profile.layout;
  const kept = { geometry, protectedRegions: [loader] };
  let flash = norFlash({ ...kept, ...chips.peer, ...cutOf(cuts?.peer) });
  let alive: BusPeer | undefined;

  /** Whatever it does, its power may go. */
  const powered = (does: () => void): void => {
    try {
      does();
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      flash = norFlash({ ...kept, content: flash.dump(), carried: flash.carried() });
      reset();
    }
  };
  const reset = (launch?: Launch): void => {
    watch.runs.peer = undefined;
    alive = undefined;
    powered(() => {
      const send = (bytes: Uint8Array) => bus.carry(bytes, (arrived) => self.answers(arrived));
      const running = launch === undefined ? {} : { running: launch };
      alive = createPeer({ flash, profile, ...running, send, start });
      watch.runs.peer = launch === undefined ? undefined : watch.releaseOf(hex(launch.digest));
    });
    watch.look();
  };
  const start = (launch: Launch | undefined): void => {
    const release = launch === undefined ? undefined : watch.releaseOf(hex(launch.digest));
    const how = release === undefined ? 'sound' : (behaviour?.('peer', release) ?? 'sound');
    if (launch === undefined || how === 'crashes') return reset();
    if (how === 'sound') return reset(launch);
    [alive, watch.runs.peer] = [undefined, undefined];
    const isOver = (error: unknown) => {
      if (!done.signal.aborted) throw error;
    };
    void clock.sleep(watchdogMs, done.signal).then(() => reset(), isOver);
  };

  const self: PoweredPeer = {
    receive: (bytes) => powered(() => alive?.receive(bytes)),
    answers: () => undefined,
    get flash() {
      return flash;
    },
  };
  reset();
  return self;
}

async function powerMaster(world: World, peer: PoweredPeer, onStep: OnStep): Promise<NorFlash> {
  const { plan, clock, bus, watch, done } = world;
  const { profiles, chips, cuts, behaviour, releases, wrongPayloads, isConnected = true } = plan;
  const profile = profiles.master;
  const { geometry, loader } = profile.layout;
  const kept = { geometry, protectedRegions: [loader] };
  const images = releases.flatMap((release) => [...release.images.values()]);
  const payloads = servedFromMemory(images, wrongPayloads);
  const [, linked] = profile.layout.components;
  const component = linked?.identifier ?? [];
  let flash = norFlash({ ...kept, ...chips.master, ...cutOf(cuts?.master) });
  const desk = offering(world, () => ({ master: flash, peer: peer.flash }));
  for (let lives = 0; ; lives++) {
    const random = seededRandom(lives + 1);
    try {
      await live(
        {
          flash,
          profile,
          clock,
          random,
          pollMs,
          network: (asked) => (asked === origin ? payloads : undefined),
          behaviour: ({ manifest }) => {
            const release = watch.releaseOf(hex(manifest.digest.bytes));
            return release === undefined ? 'sound' : (behaviour?.('master', release) ?? 'sound');
          },
          onBoot: (decision) => {
            const digest = decision.boot === 'slot' ? hex(decision.manifest.digest.bytes) : '';
            watch.runs.master = watch.releaseOf(digest);
            watch.look();
          },
          onStep: (step, detail) => {
            if (step === 'failed') desk.next();
            onStep(step, detail);
          },
          connect: () => desk.source,
          reach() {
            if (!isConnected) return new Map();
            const send = (bytes: Uint8Array) => {
              watch.look();
              bus.carry(bytes, (arrived) => peer.receive(arrived));
            };
            const link = createPeerLink({ component, clock, random, send });
            peer.answers = link.receive;
            return new Map([[componentName(component), link.peer]]);
          },
        },
        done.signal,
      );
      return flash;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      watch.runs.master = undefined;
      flash = norFlash({ ...kept, content: flash.dump(), carried: flash.carried() });
    } finally {
      peer.answers = () => undefined;
    }
  }
}

const cutOf = (cut: Cut | undefined) => (cut === undefined ? {} : { cut });

/** One release after the other; what ends it all is that both halves have settled on what they run. */
function offering({ plan, watch, done }: World, flashes: () => Readonly<Record<Half, NorFlash>>) {
  const { offers, profiles } = plan;
  let [at, looks] = [0, 0];
  const confirms = (half: Half, digest: string | undefined): boolean =>
    readFlash(flashes()[half].dump(), profiles[half].layout).slots.some(
      (slot) => slot.state === 'confirmed' && slot.digest === digest,
    );
  const isConfirmed = ({ digest, images }: Release): boolean => {
    const [start] = profiles.master.layout.components;
    return confirms(images.has(componentName(start.identifier)) ? 'master' : 'peer', digest);
  };
  const source: UpdateSource = {
    announce: async () => true,
    report: async () => undefined,
    postpone: () => undefined,
    async next() {
      watch.look();
      if (++looks > looksMax) throw new Error(`expected the pair to come to rest, found ${watch.told}`);
      let offer = offers[at];
      while (offer !== undefined && isConfirmed(offer)) offer = offers[++at];
      if (offer !== undefined) {
        const { digest, envelope } = offer;
        return { uri: `${origin}/manifests/${digest}`, envelope, binding: {} };
      }
      const { peer } = watch.runs;
      const isAlone = plan.isConnected === false;
      if (isAlone || (peer !== undefined && confirms('peer', peer.digest))) done.abort(new Error('at rest'));
      return undefined;
    },
  };
  return { source, next: () => void at++ };
}
