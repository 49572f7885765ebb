/** A manufacturer, and what becomes of who wants to be let in. */
import { Problem, TransportError } from '@lapel/transport';
import type { TrackerClientOptions } from '../src/client/client.ts';
import { rootCertificate } from './certificates.ts';
import type { World } from './world.ts';
import { lampClass, vendor } from './world.ts';

export const acme = { name: 'acme', certificate: rootCertificate(), vendor, classes: [lampClass] };

/** `in`, where the device is let in; else what it is told. */
export async function registered(world: World, id: string, changes: Partial<TrackerClientOptions> = {}) {
  try {
    await world.device(id, changes).client.register();
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.message}`;
    if (error instanceof TransportError) return error.message;
    throw error;
  }
  return (await world.store.device(id))?.approval ?? 'unknown';
}
