/** A lamp with real flash, journal and agent, behind a real server, that holds it to its operator. */

import type { Clock, Handler } from '@lapel/transport';
import { httpClient, systemClock } from '@lapel/transport';
import type { Journal, Network, Step } from '@lapel/device';
import { class1 } from '@lapel/device';
import type { FleetDevice } from '@lapel/simulator';
import {
  deviceClass,
  liveInFleet,
  makeDevice,
  makeRelease,
  norFlash,
  seededRandom,
  vendor,
} from '@lapel/simulator';
import type { HouseWorld } from './house-world.ts';
import { lampImage } from './house-world.ts';

export interface Lamp {
  readonly device: FleetDevice;
  /** Of its last start. */
  readonly journal: Journal | undefined;
  /** What it told, since it was made. */
  readonly steps: readonly (readonly [step: Step, detail: string | undefined])[];
  /** Switches it on until it has told `step`, `times` in all. */
  liveUntil(step: Step, times?: number): Promise<void>;
  /** Switches it on until something else holds. */
  liveWhile(holds: () => Promise<boolean>): Promise<void>;
}

/** By which way it reaches the house; by HTTP, asking again and again, where nothing is said. */
export interface Road {
  readonly upstream: Handler;
  readonly origin: string;
  readonly waitMs?: number;
  readonly isProvenByChannel?: boolean;
  readonly around?: (link: Network) => Network;
}

const deadlineMs = 20_000;

/** @param road asked each time the device is switched on */
export async function lampIn(
  world: HouseWorld,
  clock: Clock = systemClock,
  road = (): Road => ({ upstream: httpClient(world.house.url), origin: world.house.url }),
): Promise<Lamp> {
  const image = await lampImage('1.0.0');
  const plan = { image, sequence: 1, version: '1.0.0', className: 'lamp', key: world.author };
  const profile = class1();
  const device = makeDevice(
    { id: 'lamp-1', className: 'lamp', firmware: { envelope: await makeRelease(plan), image } },
    {
      profile,
      author: world.author.public,
      operator: world.operator.public,
      tracker: world.house.folder.trackerKey.public,
      attempts: 3,
      deadlineMs: 60_000,
      flashOf: () => norFlash({ geometry: profile.layout.geometry }),
    },
  );
  const key = device.trust.deviceKey.public;
  const provision = { id: 'lamp-1', key, vendor, class: deviceClass('lamp') };
  await world.house.tracker.desk.provision(provision, 'test');
  let journal: Journal | undefined;
  let lives = 0;
  const steps: (readonly [Step, string | undefined])[] = [];

  async function liveWhile(holds: () => Promise<boolean>): Promise<void> {
    const off = new AbortController();
    const life = liveInFleet(
      device,
      {
        ...road(),
        loss: { request: 0, response: 0, chunk: 0 },
        clock,
        random: seededRandom((lives += 1)),
        pollMs: 50,
        onBoot: (_, booted) => void (journal = booted.boot === 'slot' ? booted.journal : undefined),
        onStep: (_, step, detail) => void steps.push([step, detail]),
      },
      off.signal,
    );
    try {
      for (const begun = performance.now(); await holds();) {
        if (performance.now() - begun > deadlineMs) throw new Error(`found only ${JSON.stringify(steps)}`);
        await systemClock.sleep(20);
      }
    } finally {
      off.abort(new Error('switched off'));
      await life;
    }
  }

  return {
    get journal() {
      return journal;
    },
    device,
    steps,
    liveWhile,
    liveUntil: (step, times = 1) =>
      liveWhile(async () => steps.filter(([told]) => told === step).length < times),
  };
}
