/** A device of a suite of the update modes: the real one, with an application that a scenario describes. */

import type { SigningKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Negotiation, OnStep, TrustStore, UpdateSource } from '@lapel/device';
import { class1, manufacture, trackerSource, trustStoreVersion } from '@lapel/device';
import type { FleetStore, StatusTracker } from '@lapel/status-tracker';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Terms, UpdateMode } from '@lapel/status-tracker/protocol';
import type { ComponentIdentifier } from '@lapel/suit';
import type { Handler, Random } from '@lapel/transport';
import type { Running, SimulatedDevice } from './device-life.ts';
import { live } from './device-life.ts';
import { component, deviceClass, makeUpdate, vendor } from './firmware.ts';
import { onBug } from './flow-parties.ts';
import type { NorFlash } from './flash.ts';
import { norFlash } from './flash.ts';
import type { SimulatedClock } from './clock.ts';
import type { SeededRandom } from './random.ts';

const origin = 'http://tracker.example';
const trialMs = 6 * 3_600_000;

export type DeviceHooks = Pick<
  SimulatedDevice,
  'isIdle' | 'serviceLoad' | 'onInterruption' | 'selfTest' | 'onBoot'
>;

export interface DeviceMaking extends DeviceHooks {
  readonly id: string;
  readonly className: string;
  readonly of?: ComponentIdentifier;
  readonly mode: UpdateMode;
  readonly terms?: Terms;
  readonly negotiation?: Negotiation;
  readonly pollMs: number;
  /** How its link is; without it, it is always there and fast. */
  readonly link?: (upstream: Handler) => Handler;
  readonly imagePages?: number;
  /** What becomes of its source of updates, at each start. */
  readonly behind?: (source: UpdateSource, trust: TrustStore, running: Running) => UpdateSource;
  readonly onStep?: OnStep;
  /** How long a poll may wait for news. */
  readonly waitMs?: number;
}

export interface ModesDevice {
  readonly id: string;
  readonly flash: NorFlash;
  switchOn(): void;
  /** Power off: what was under way is lost, flash stays. */
  switchOff(): Promise<void>;
  status(): Promise<string | undefined>;
}

export const switchedOff = new Error('switched off');

/** What a device needs of the world that it is made for. */
interface Surrounding {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly store: FleetStore;
  readonly tracker: StatusTracker;
  note(what: string): void;
}

interface Around {
  readonly author: SigningKey;
  readonly trackerKey: SigningKey;
  readonly served: Handler;
  readonly running: Set<AbortController>;
}

export async function makeModesDevice(
  world: Surrounding,
  making: DeviceMaking,
  around: Around,
): Promise<ModesDevice> {
  const { id, className, of = component, mode, terms, negotiation, pollMs, link, imagePages = 6 } = making;
  const { behind = (source: UpdateSource) => source } = making;
  const profile = class1({ imagePages, component: of });
  const flash = norFlash({ geometry: profile.layout.geometry });
  const deviceKey = generateSigningKey('P-256');
  const image = world.random.fork(id).bytes(4_001);
  const first = { sequence: 1, version: '1.1.0', className, key: around.author };
  const envelope = await makeUpdate({ parts: [{ component: of, image }], ...first });
  const product = deviceClass(className);
  const trust = {
    ...{ version: trustStoreVersion, device: id, deviceKey: encodeSigningKey(deviceKey) },
    ...{ vendor, class: product, anchors: [encodeVerificationKey(around.author.public)] },
    confirmBy: 'tracker',
    ...{ attempts: 3, deadlineMs: trialMs },
    trackerKey: encodeVerificationKey(around.trackerKey.public),
  } as const;
  manufacture(flash, profile, trust, { envelope, image });
  await world.tracker.desk.provision({ id, key: deviceKey.public, vendor, class: product }, 'factory');
  const handler = traced(world, id, (link ?? ((upstream) => upstream))(around.served));
  const random: Random = world.random.fork(`life of ${id}`);
  const say = { ...(terms === undefined ? {} : { terms }) };
  const connect: SimulatedDevice['connect'] = (own, booted) => {
    const way = { handler, clock: world.clock, random, device: id, key: deviceKey };
    const client = createTrackerClient({
      ...{ ...way, ...say, vendor, class: product, updateMode: mode },
      ...{ trackerKey: around.trackerKey.public },
    });
    const agreed = {
      ...(negotiation === undefined ? {} : { negotiation }),
      ...(making.waitMs === undefined ? {} : { waitMs: making.waitMs }),
    };
    const mayOverride = terms?.mayOverride === true;
    return behind(trackerSource({ client, origin, mode, mayOverride, ...agreed }), own, booted);
  };
  const device: SimulatedDevice = {
    ...making,
    ...{ flash, profile, clock: world.clock, random, pollMs, connect },
    network: (asked) => (asked === origin ? handler : undefined),
    behaviour: () => 'sound',
    onStep(step, detail) {
      world.note(`${id}: ${step}`);
      making.onStep?.(step, detail);
    },
  };
  let life: { readonly off: AbortController; readonly ended: Promise<unknown> } | undefined;
  return {
    ...{ id, flash },
    switchOn() {
      const off = new AbortController();
      around.running.add(off);
      life = { off, ended: live(device, off.signal) };
      life.ended.catch(onBug);
    },
    async switchOff() {
      life?.off.abort(switchedOff);
      await life?.ended;
    },
    status: async () => (await world.store.device(id))?.member?.status,
  };
}

/** Messages are noted with what came of them. */
const traced =
  ({ note }: Surrounding, id: string, upstream: Handler): Handler =>
  async (asked) => {
    const { path, ifNoneMatch, range } = asked;
    const name = path.split('/')[1] ?? '';
    const answer = await upstream(asked);
    const party = name === 'payloads' || name === 'manifests' ? 'Firmware Server' : 'Status Tracker';
    const tag = name === 'offers' && ifNoneMatch !== undefined ? ' with ETag' : '';
    const from = range === undefined ? '' : ` from ${range.start}`;
    note(`${id} → ${party}: ${name}${tag}${from}: ${answer.status}`);
    return answer;
  };
