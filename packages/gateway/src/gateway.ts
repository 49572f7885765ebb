/** A gateway over one folder: cache, relay and what it passes on, as one Handler. */
import { join } from 'node:path';
import type { Clock, Handler, Random, Request, Response, RouteHandler } from '@lapel/transport';
import { bytesBody, routes, systemClock, systemRandom } from '@lapel/transport';
import type { Link } from '@lapel/transport/coap';
import type { Proxy } from '@lapel/transport/coap';
import { answerLinks, mappedFromHttp } from '@lapel/transport/coap';
import type { Cache } from './cache/caching.ts';
import { caching, contentAsked } from './cache/caching.ts';
import type { Upstream } from './cache/obtain.ts';
import { revalidating } from './cache/revalidate.ts';
import type { Store } from './cache/store.ts';
import { openStore } from './cache/store.ts';
import type { Outbox, OutboxLimits } from './outbox.ts';
import { openOutbox } from './outbox.ts';
import { directory, directoryPaths } from './discovery/directory.ts';
import { cacheType } from './discovery/find.ts';
import type { Guard } from './guard.ts';
import type { Loop } from './loop.ts';
import { loop } from './loop.ts';
import { proxying } from './proxy.ts';
import { createRelay } from './relay.ts';
import { firstReached, passedOn } from './upstreams.ts';

export interface GatewayOptions {
  readonly folder: string;
  /** Who has what devices ask for, the nearest first and the origin last. */
  readonly upstreams: readonly Upstream[];
  /** What the cache may take of the disk. */
  readonly cacheBytes?: number;
  readonly outbox?: Partial<OutboxLimits>;
  /** Lets devices read from servers elsewhere, as far as it allows; without it none. */
  readonly proxy?: Guard;
  /** Further resources, such as those by which it is found. */
  readonly resources?: Readonly<Record<string, RouteHandler>>;
  readonly clock?: Clock;
  readonly random?: Random;
  /** For an operator. */
  readonly onNotice: (text: string) => void;
  readonly onBug: (error: unknown) => void;
}

export interface Gateway {
  readonly handler: Handler;
  /** What those ask through it who speak CoAP; undefined where no operator has allowed it. */
  readonly proxy: Proxy | undefined;
  readonly standing: () => GatewayStanding;
  /** Ends transfers where they are; they go on at the next start. */
  close(): Promise<void>;
}

export interface GatewayStanding {
  readonly upstreams: readonly string[];
  readonly cache: Cache['counts'] & { readonly contents: number; readonly bytes: number };
  readonly waiting: { readonly reports: number; readonly checkIns: number };
}

export const cacheBytesDefault = 4 * 1024 * 1024 * 1024;

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { folder, cacheBytes = cacheBytesDefault, onNotice, onBug } = options;
  const { clock = systemClock, random = systemRandom } = options;
  const circle = loop(random);
  const upstreams = options.upstreams.map(({ name, handler }) => ({
    name,
    handler: circle.marked(handler),
  }));
  if (upstreams.length === 0) throw new TypeError('expected a server upstream, found none');
  const store = await openStore({ folder: join(folder, 'cache'), limitBytes: cacheBytes });
  const outbox = await openOutbox({ folder: join(folder, 'outbox'), random, limits: options.outbox ?? {} });
  const stop = new AbortController();
  const cache = caching({ store, upstreams, clock, random, signal: stop.signal, onNotice });
  const upstream = firstReached(upstreams);
  const relay = createRelay({ outbox, upstream, clock, random, onNotice });
  const standing = () => standingOf({ upstreams, cache, store, outbox });
  const forwarding = relay.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) onBug(error);
  });
  const proxy =
    options.proxy === undefined
      ? undefined
      : proxying({ guard: options.proxy, cache, marked: circle.marked });
  const table = {
    ...deviceResources(cache, upstream, relay),
    'GET /gateway': async () => json(standing()),
    'GET /.well-known/core': async (asked: Request) => answerLinks(linksOf(options), asked),
    ...directory({ clock, random, signal: stop.signal, onBug }),
    ...(proxy === undefined ? {} : { 'GET /hc': mappedFromHttp(proxy) }),
    ...options.resources,
  };
  return {
    handler: routes(watched(table, circle), { onBug }),
    proxy,
    standing,
    async close() {
      stop.abort(new Error('the gateway is closing'));
      await forwarding;
      await cache.settled();
    },
  };
}

/** Whatever is asked that has been here before goes no further. */
const watched = (table: Record<string, RouteHandler>, circle: Loop): Record<string, RouteHandler> =>
  Object.fromEntries(
    Object.entries(table).map(([route, handler]) => [
      route,
      async (asked, parameters) => {
        circle.require(asked);
        return handler(asked, parameters);
      },
    ]),
  );

/** What there is for devices to find (RFC 6690 §4). */
const linksOf = ({ proxy }: GatewayOptions): readonly Link[] =>
  [
    ['/', cacheType],
    [directoryPaths.registration, 'core.rd'],
    [directoryPaths.resources, 'core.rd-lookup-res'],
    [directoryPaths.endpoints, 'core.rd-lookup-ep'],
    ...(proxy === undefined ? [] : [['/hc', 'core.hc'] as const]),
  ].map(([target = '', type]) => ({ target, attributes: [['rt', type]] }));

/** What devices ask for, and nothing else: operators and authors go to the origin. */
function deviceResources(
  cache: Cache,
  upstream: Handler,
  relay: ReturnType<typeof createRelay>,
): Record<string, RouteHandler> {
  const changing = revalidating(upstream);
  const passing: RouteHandler = (asked) => upstream(passedOn(asked));
  const named =
    (kind: 'payloads' | 'manifests'): RouteHandler =>
    (asked, { digest = '' }) => {
      const name = contentAsked(asked, kind, digest);
      // RFC 9111 §3.5: what depends on who asks is not for a shared cache.
      return name === undefined || isPersonal(asked) ? passing(asked, { digest }) : cache.get(asked, name);
    };
  const shared: RouteHandler = (asked, parameters) =>
    isPersonal(asked) ? passing(asked, parameters) : changing.get(asked);
  return {
    'GET /payloads/{digest}': named('payloads'),
    'GET /manifests/{digest}': named('manifests'),
    'GET /latest/{vendor}/{class}': shared,
    'GET /statements/{digest}': shared,
    'GET /challenges/{device}': passing,
    'POST /register': passing,
    'POST /check-in': (asked) => relay.take(asked, 'check-in'),
    'GET /offers/{device}': passing,
    'POST /answers': passing,
    'POST /reports': (asked) => relay.take(asked, 'reports'),
  };
}

const isPersonal = ({ headers }: Request) => headers['authorization'] !== undefined;

function standingOf({
  upstreams,
  cache,
  store,
  outbox,
}: {
  readonly upstreams: readonly Upstream[];
  readonly cache: Cache;
  readonly store: Store;
  readonly outbox: Outbox;
}): GatewayStanding {
  return {
    upstreams: upstreams.map(({ name }) => name),
    cache: { ...cache.counts, contents: store.count, bytes: store.usedBytes },
    waiting: { reports: outbox.count('reports'), checkIns: outbox.count('check-in') },
  };
}

function json(value: unknown): Response {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return { status: 'ok', contentType: 'application/json', size: bytes.length, body: bytesBody(bytes) };
}
