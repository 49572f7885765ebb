/**
 * Which of several firmware servers a device is sent to (ITU-T X.secup-iot; RFC 9019 §2.3): one near it that
 * hands the manifest out. Of several the same each time, so that each has its share, and what it keeps is of
 * use; where none answers, the tracker's own.
 */
import { hash } from 'node:crypto';
import type { Clock, Handler } from '@lapel/transport';
import { TransportError, discard, request, withDeadline } from '@lapel/transport';
import type { Tags } from './fleet.ts';
import type { FleetStore } from './store.ts';

export interface FirmwareServerAt {
  /** What paths are appended to, such as `https://firmware.example`. */
  readonly url: string;
  /** How the devices are tagged that it is near to; all of them, where that is empty. */
  readonly near: Tags;
}

export interface FirmwareServersOptions {
  readonly servers: readonly FirmwareServerAt[];
  /** The way to one of them, where there is any. */
  readonly reach: (url: string) => Handler | undefined;
  readonly store: Pick<FleetStore, 'speakers'>;
  readonly clock: Clock;
}

export interface FirmwareServers {
  /** @returns absolute URIs, by device; a device that is not in it fetches from the tracker's own server. */
  placesOf(path: string, devices: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** A round of the planner waits for it, twice a minute. */
const answerMsMax = 3_000;
/** For so long it is known whether a server has a manifest. */
const knownMs = 30_000;
/** Of that, as much as so many servers and campaigns have. */
const knownMax = 1_024;

export function createFirmwareServers(options: FirmwareServersOptions): FirmwareServers {
  const { servers, reach, store, clock } = options;
  const known = new Map<string, { readonly has: Promise<boolean>; readonly untilMs: number }>();
  const ways = new Map(servers.map(({ url }) => [url, reach(url)]));

  function hasNow(url: string, path: string): Promise<boolean> {
    const nowMs = clock.monotonicMs();
    const found = known.get(url + path);
    if (found !== undefined && found.untilMs > nowMs) return found.has;
    if (known.size >= knownMax) known.clear();
    const has = handsOut(ways.get(url), path, clock);
    known.set(url + path, { has, untilMs: nowMs + knownMs });
    return has;
  }

  return {
    async placesOf(path, devices) {
      const standing = await Promise.all(servers.map(({ url }) => hasNow(url, path)));
      const able = servers.filter((_, place) => standing[place]);
      if (able.length === 0) return new Map();
      const speakers = await store.speakers(devices);
      return new Map(
        devices.flatMap((device, place) => {
          const chosen = nearestOf(able, device, speakers[place]?.tags ?? {});
          return chosen === undefined ? [] : [[device, chosen.url.replace(/\/$/, '') + path]];
        }),
      );
    },
  };
}

async function handsOut(handler: Handler | undefined, path: string, clock: Clock): Promise<boolean> {
  if (handler === undefined) return false;
  try {
    const response = await withDeadline(clock, answerMsMax, undefined, async (signal) =>
      handler(request('GET', path, { signal })),
    );
    await discard(response.body);
    return response.status === 'ok';
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  }
}

/**
 * Whose tags all are the device's, the more the nearer. Among equals the one of the highest hash with the
 * device: if one falls out, its devices spread over the others, and nobody else moves.
 */
function nearestOf(able: readonly FirmwareServerAt[], device: string, tags: Tags) {
  const isNear = ({ near }: FirmwareServerAt) =>
    Object.entries(near).every(([name, value]) => tags[name] === value);
  const ranked = able
    .filter(isNear)
    .map((server) => ({
      server,
      tagged: Object.keys(server.near).length,
      place: hash('sha256', `${device} ${server.url}`),
    }))
    .toSorted((a, b) => b.tagged - a.tagged || (a.place < b.place ? 1 : -1));
  return ranked[0]?.server;
}
