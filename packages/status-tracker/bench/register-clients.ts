/** Devices that register, in a thread of their own: so many at once until all have. */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeSigningKey } from '@lapel/cose';
import { httpClient, systemClock, systemRandom } from '@lapel/transport';
import { createTrackerClient } from '../src/client/client.ts';
import { lampClass, testKey, vendor } from '../test/world.ts';

export interface Registering {
  readonly url: string;
  readonly connections: number;
  readonly devices: readonly { readonly id: string; readonly key: Uint8Array }[];
}

const { url, connections, devices } = workerData as Registering;
const handler = httpClient(url, { maxSockets: connections });
const trackerKey = testKey('tracker').public;
const left = devices.map(({ id, key }) =>
  createTrackerClient({
    ...{ handler, device: id, key: decodeSigningKey(key), trackerKey, vendor, class: lampClass },
    ...{ clock: systemClock, random: systemRandom },
  }),
);

const started = performance.now();
await Promise.all(
  Array.from({ length: connections }, async () => {
    for (let client = left.pop(); client !== undefined; client = left.pop()) await client.register();
  }),
);
parentPort?.postMessage(performance.now() - started);
