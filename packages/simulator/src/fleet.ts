/**
 * A fleet of simulated devices: made in one factory, each with a key and a flash of its own, living behind a
 * bad link. Where their flash is kept (memory, files) is the caller's choice; flash that has content already
 * is a device that exists already.
 */

import type { VerificationKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { BootDecision, Firmware, Network, OnStep, Profile, TrustStore } from '@lapel/device';
import {
  heldToOperators,
  holdingTerms,
  manufacture,
  operatorGroup,
  readTrustStore,
  trackerSource,
  trustStoreVersion,
} from '@lapel/device';
import type { TrackerClientOptions } from '@lapel/status-tracker/client';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Clock, Handler } from '@lapel/transport';
import type { Behaviour, Running } from './device-life.ts';
import { live } from './device-life.ts';
import { deviceClass, vendor } from './firmware.ts';
import type { NorFlash } from './flash.ts';
import type { Loss } from './network.ts';
import { lossy } from './network.ts';
import type { SeededRandom } from './random.ts';

export interface DevicePlan {
  readonly id: string;
  readonly className: string;
  readonly firmware: Firmware;
}

/** What every device of the fleet is given by the factory. */
export interface Factory {
  readonly profile: Profile;
  readonly author: VerificationKey;
  readonly tracker: VerificationKey;
  /** Where there is one, devices follow no offer that it has not signed. */
  readonly operator?: VerificationKey;
  readonly attempts: number;
  readonly deadlineMs: number;
  /** Where a device's flash is kept; with content, where the device exists already. */
  readonly flashOf: (id: string) => NorFlash;
}

export interface FleetDevice {
  readonly id: string;
  readonly className: string;
  readonly profile: Profile;
  readonly flash: NorFlash;
  readonly trust: TrustStore;
}

/** Makes the device, unless its flash says that it has been made before. */
export function makeDevice({ id, className, firmware }: DevicePlan, factory: Factory): FleetDevice {
  const { profile, author, tracker, operator, attempts, deadlineMs } = factory;
  const { layout } = profile;
  const flash = factory.flashOf(id);
  if (readTrustStore(flash, layout.trustStore) === undefined) {
    const content = {
      version: trustStoreVersion,
      device: id,
      deviceKey: encodeSigningKey(generateSigningKey('P-256')),
      vendor,
      class: deviceClass(className),
      anchors: [encodeVerificationKey(author), ...(operator === undefined ? [] : [asOperator(operator)])],
      holdsToOperators: operator !== undefined,
      trackerKey: encodeVerificationKey(tracker),
      confirmBy: 'tracker',
      attempts,
      deadlineMs,
    } as const;
    manufacture(flash, profile, content, firmware);
  }
  const trust = readTrustStore(flash, layout.trustStore);
  if (trust === undefined) throw new Error(`expected ${id} to have a trust store, found none`);
  return { id, className, profile, flash, trust };
}

/** It signs campaigns, and vouches for no manifest. */
export const asOperator = (key: VerificationKey) => ({
  key: encodeVerificationKey(key),
  group: operatorGroup,
  components: [],
  delegates: false,
});

export interface Surroundings {
  /** The servers, over a link without loss. */
  readonly upstream: Handler;
  /** Their address, such as `http://localhost:8080`. */
  readonly origin: string;
  /** What leads past the link, or to other origins, too. */
  readonly around?: (link: Network) => Network;
  readonly loss: Loss;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly pollMs: number;
  /** How long a poll may wait for news; it asks again and again, where it is absent. */
  readonly waitMs?: number;
  /** Its link proves who it is. */
  readonly isProvenByChannel?: boolean;
  readonly behaviour?: (device: FleetDevice, running: Running) => Behaviour;
  readonly onBoot?: (device: FleetDevice, decision: BootDecision) => void;
  readonly onStep?: (device: FleetDevice, ...step: Parameters<OnStep>) => void;
}

/** Lives until the signal fires. */
export function liveInFleet(
  device: FleetDevice,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<BootDecision> {
  const { upstream, origin, around, loss, clock, pollMs, waitMs, behaviour, onBoot, onStep } = surroundings;
  const { isProvenByChannel = false } = surroundings;
  const random = surroundings.random.fork(device.id);
  const link = lossy(upstream, random, loss);
  const network: Network = (asked) => (asked === origin ? link : undefined);
  return live(
    {
      ...device,
      clock,
      random,
      pollMs,
      network: around?.(network) ?? network,
      behaviour: (running) => behaviour?.(device, running) ?? 'sound',
      onBoot: (decision) => onBoot?.(device, decision),
      onStep: (...step) => onStep?.(device, ...step),
      connect: (trust, { journal }) => {
        const operators = heldToOperators({ ...device, journal, clock });
        return trackerSource({
          client: clientOf(trust, { handler: link, clock, random, isProvenByChannel }),
          origin,
          onStep: (...step) => onStep?.(device, ...step),
          ...(operators === undefined ? {} : { operators }),
          ...(waitMs === undefined ? {} : { waitMs }),
        });
      },
    },
    signal,
  );
}

function clientOf(
  trust: TrustStore,
  way: Pick<TrackerClientOptions, 'handler' | 'clock' | 'random' | 'isProvenByChannel'>,
) {
  const { device, deviceKey, trackerKey, vendor: of, class: className, holdsToOperators } = trust;
  if (trackerKey === undefined) throw new Error(`expected ${device} to know its tracker, found no key`);
  return createTrackerClient({
    ...way,
    ...{ device, key: deviceKey, trackerKey, vendor: of, class: className },
    ...(holdsToOperators ? { terms: holdingTerms } : {}),
  });
}
