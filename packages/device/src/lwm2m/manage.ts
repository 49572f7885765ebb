/** A device that a server of LwM2M manages: objects for the server, a source of updates for the agent. */

import type { Clock } from '@lapel/transport';
import type { Booted } from '../bootloader/boot.ts';
import type { Network } from '../firmware-consumer/fetch.ts';
import { inventory } from '../inventory.ts';
import type { Profile } from '../profile.ts';
import type { Flash } from '../storage/flash.ts';
import type { TrustStore } from '../trust-store.ts';
import type { UpdateSource } from '../update-source.ts';
import type { DeviceObjectOptions } from './device-object.ts';
import { deviceObject } from './device-object.ts';
import { firmwareObject } from './firmware-object.ts';
import { createFirmwareUpdate } from './firmware-update.ts';
import type { Machine } from './machine.ts';
import type { Protocol } from './package.ts';
import type { ServedObjects } from './serve-objects.ts';
import { serveObjects } from './serve-objects.ts';
import { firmwareSource } from './update-source.ts';

export interface ManagedDeviceOptions extends Omit<DeviceObjectOptions, 'firmwareVersion' | 'serialNumber'> {
  readonly trust: TrustStore;
  readonly flash: Flash;
  readonly profile: Profile;
  readonly decision: Booted;
  readonly clock: Clock;
  /** As the agent has it. */
  readonly network: Network;
  /** What of that a server may name in a Package URI. */
  readonly protocols: readonly Protocol[];
  /** What references of a package are resolved against that was sent, and not fetched. */
  readonly base: string;
  readonly onBug: (error: unknown) => void;
}

export interface ManagedDevice {
  readonly objects: ServedObjects;
  readonly source: UpdateSource;
  /** What the server sees. */
  readonly machine: () => Machine;
}

/**
 * Made anew at each start, as the agent is.
 * @throws {RangeError} where the device asks for the word of somebody whom LwM2M has no place for
 */
export function manageDevice(options: ManagedDeviceOptions): ManagedDevice {
  requireManageable(options.trust);
  const { decision, profile, clock, base, network, protocols, onBug } = options;
  const { journal, isRecovery } = decision;
  const update = createFirmwareUpdate({ ...options, journal, isRecovery });
  const [installed] = inventory(decision);
  const firmwareVersion = installed?.version ?? String(installed?.sequenceNumber ?? 0);
  const { envelopeBytes } = profile.limits;
  const objects = [
    deviceObject({ ...options, firmwareVersion, serialNumber: options.trust.device }),
    firmwareObject(update, { envelopeBytes, network, protocols }),
  ];
  return {
    objects: serveObjects(objects, onBug),
    source: firmwareSource(update, { journal, clock, base }),
    machine: () => update.machine,
  };
}

/** No trigger stands in for what a device was told to ask for. */
export function requireManageable({ confirmBy, holdsToOperators }: TrustStore): void {
  if (holdsToOperators) {
    throw new RangeError(
      'expected a device that takes updates from anybody, found one held to its operators',
    );
  }
  if (confirmBy === 'self-test') return;
  throw new RangeError('expected a device that confirms by self-test, found one that asks its tracker');
}
