/** The Device object (/3, version 1.1): what a server must find to manage anything at all. */

import type { ManagedObject, Resource } from './resource.ts';

export interface DeviceObjectOptions {
  readonly manufacturer: string;
  readonly modelNumber: string;
  readonly serialNumber: string;
  readonly firmwareVersion: string;
  /** Restarts the device, once the server has been answered. */
  readonly reboot: () => void;
}

export function deviceObject(options: DeviceObjectOptions): ManagedObject {
  const resources: Readonly<Record<number, Resource>> = {
    0: { name: 'Manufacturer', type: 'string', read: () => options.manufacturer },
    1: { name: 'Model Number', type: 'string', read: () => options.modelNumber },
    2: { name: 'Serial Number', type: 'string', read: () => options.serialNumber },
    3: { name: 'Firmware Version', type: 'string', read: () => options.firmwareVersion },
    4: { name: 'Reboot', type: 'none', execute: options.reboot },
    // None: an update that fails is told by the Firmware Update object.
    11: { name: 'Error Code', type: 'integer', read: () => [0] },
    16: { name: 'Supported Binding and Modes', type: 'string', read: () => 'U' },
  };
  return { id: 3, version: '1.1', resources };
}
