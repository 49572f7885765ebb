/** Caches near a device on this machine: those that it was told of, and behind them those that it finds. */

import type { Network } from '@lapel/device';
import type { Finder } from '@lapel/gateway';
import type { Clock, Random } from '@lapel/transport';
import { groupsToAsk } from '../coap-groups.ts';

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

/** In the stated order: DNS-SD, links of the server, links of the group, its directory. */
export async function findCaches(
  options: FindCachesOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { server, network, clock, onError } = options;
  const { announcedByDnsSd, findPlaces, linksAt, linksInDirectory, linksOfGroup } =
    await import('@lapel/gateway');
  const handler = server === undefined ? undefined : network(server, 'origin');
  const asked = await clientsOfGroups(options);
  const known = (finder: typeof linksAt): readonly Finder[] =>
    server === undefined || handler === undefined ? [] : [finder(server, handler)];
  try {
    const finders = [
      announcedByDnsSd({ onError }),
      ...known(linksAt),
      ...asked.flatMap(({ client, groups }) => groups.map((group) => linksOfGroup(client, group))),
      ...known(linksInDirectory),
    ];
    return await findPlaces({ finders, clock, waitMs, signal });
  } finally {
    await Promise.all(asked.map(({ client }) => client.close()));
  }
}

/** A network that cannot be asked, as it comes and goes, is one where nobody is found. */
async function clientsOfGroups({ clock, random, onError }: FindCachesOptions) {
  const { addressText, groupClient, udpGroupSender } = await import('@lapel/transport/coap');
  const opened = groupsToAsk().map(async (groups) => {
    const datagrams = await udpGroupSender(groups[0]);
    const client = groupClient({ clock, random, datagrams, onBug: onError });
    return { client, groups: groups.map(({ address, port }) => addressText(address, port)) };
  });
  const settled = await Promise.allSettled(opened);
  for (const each of settled) if (each.status === 'rejected') onError(each.reason);
  return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
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
