/** Caches near a device on this machine: those that it was told of, and behind them those that it finds. */

import type { Network } from '@lapel/device';
import type { Finder } from '@lapel/gateway';
import type { Clock, Random } from '@lapel/transport';

export interface FindCachesOptions {
  /** Where the device is, in its own network; a server that is known may know of caches, too. */
  readonly server: string | undefined;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: unknown) => void;
}

/** Until the last who answers a group within their leisure was heard (RFC 7252 §8.2). */
const waitMs = 7_000;
/** What comes up later is found later. */
const againMs = 10 * 60_000;
/** All CoAP nodes of the network (RFC 7252 §12.8). */
const group = { address: '224.0.1.187', port: 5683 };

/** In the stated order: DNS-SD, links of the server, links of the group, its directory. */
export async function findCaches(
  options: FindCachesOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { server, network, clock, random, onError } = options;
  const { announcedByDnsSd, findPlaces, linksAt, linksInDirectory, linksOfGroup } =
    await import('@lapel/gateway');
  const { groupClient, udpGroupSender } = await import('@lapel/transport/coap');
  const handler = server === undefined ? undefined : network(server, 'origin');
  const client = groupClient({ clock, random, datagrams: await udpGroupSender(group), onBug: onError });
  const known = (finder: typeof linksAt): readonly Finder[] =>
    server === undefined || handler === undefined ? [] : [finder(server, handler)];
  try {
    const finders = [
      announcedByDnsSd({ onError }),
      ...known(linksAt),
      linksOfGroup(client, `${group.address}:${group.port}`),
      ...known(linksInDirectory),
    ];
    return await findPlaces({ finders, clock, waitMs, signal });
  } finally {
    await client.close();
  }
}

export interface Places {
  /** The server; where none was named, the nearest that was found. */
  readonly origin: string;
  readonly caches: () => readonly string[];
}

export interface Wanted {
  readonly origin: string | undefined;
  /** Caches that the device was told of. */
  readonly told: readonly string[];
  readonly discovers: boolean;
}

/** Undefined where a server is to be found and there is none. New caches are found now and then. */
export async function placesFor(
  { origin: named, told, discovers }: Wanted,
  options: Omit<FindCachesOptions, 'server'>,
  signal: AbortSignal,
): Promise<Places | undefined> {
  const find = () => (discovers ? findCaches({ ...options, server: named }, signal) : Promise.resolve([]));
  let current = await find();
  const origin = named ?? told[0] ?? current[0];
  if (origin === undefined) return undefined;
  const goOn = async () => {
    for (;;) {
      await options.clock.sleep(againMs, signal);
      current = await find();
    }
  };
  if (discovers)
    goOn().catch((error: unknown) => {
      if (!signal.aborted) options.onError(error);
    });
  return { origin, caches: () => [...new Set([...told, ...current])] };
}
