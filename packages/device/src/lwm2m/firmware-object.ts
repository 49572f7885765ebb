/** The resources of the Firmware Update object (/5, version 1.2), as its definition names them. */

import { Problem } from '@lapel/transport';
import type { FirmwareUpdate } from './firmware-update.ts';
import { results, states } from './machine.ts';
import type { Reachable } from './package.ts';
import { protocols, receivePackage, takePackageUri } from './package.ts';
import type { ManagedObject, Resource, Value } from './resource.ts';

export interface FirmwareObjectOptions extends Reachable {
  /** What a package may weigh. */
  readonly envelopeBytes: number;
}

/** Pushed and pulled (5/0/9). */
const both = 2;
/** Severity: critical, mandatory, optional. */
const severityMax = 2;
const mandatory = 1;
const deferSecondsMax = 2 ** 32 - 1;

export function firmwareObject(update: FirmwareUpdate, options: FirmwareObjectOptions): ManagedObject {
  const resources: Readonly<Record<number, Resource>> = {
    0: {
      name: 'Package',
      type: 'opaque',
      receive: (chunks) => receivePackage(update, chunks, options.envelopeBytes),
    },
    1: {
      name: 'Package URI',
      type: 'string',
      read: () => update.settings.packageUri ?? '',
      write: (uri) => takePackageUri(update, String(uri), options),
    },
    2: { name: 'Update', type: 'none', execute: () => update.take({ name: 'update' }) },
    3: { name: 'State', type: 'integer', read: () => states[update.machine.state] },
    5: { name: 'Update Result', type: 'integer', read: () => results[update.machine.result] },
    8: {
      name: 'Firmware Update Protocol Support',
      type: 'integer',
      read: () => options.protocols.map((each) => protocols[each]),
    },
    9: { name: 'Firmware Update Delivery Method', type: 'integer', read: () => both },
    10: { name: 'Cancel', type: 'none', execute: () => update.take({ name: 'cancel' }) },
    11: {
      name: 'Severity',
      type: 'integer',
      read: () => update.settings.severity ?? mandatory,
      write: (value) => update.set({ severity: within(value, severityMax) }),
    },
    12: { name: 'Last State Change Time', type: 'integer', read: () => secondsOf(update.changedMs) },
    13: {
      name: 'Maximum Defer Period',
      type: 'integer',
      read: () => update.settings.deferSecondsMax,
      write: (value) => update.set({ deferSecondsMax: within(value, deferSecondsMax) }),
    },
    14: {
      name: 'Automatic Upgrade at Download',
      type: 'boolean',
      read: () => update.settings.isAutomatic ?? false,
      write: (value) => update.set({ isAutomatic: value === true }),
    },
  };
  return { id: 5, version: '1.2', resources, changed: update.changes };
}

function within(value: Value, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw new Problem('bad-request', `expected 0 to ${most}, found ${String(value)}`);
}

const secondsOf = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.floor(ms / 1000);
