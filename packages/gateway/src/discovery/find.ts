/**
 * Where a device may fetch from, by what servers and caches say of themselves: DNS-SD, links at a server that
 * is known (RFC 6690), links of everybody in a group, a Resource Directory (RFC 9176), in that order. All of
 * them are asked at once. An answer is a place to ask and nothing more; a poisoned one costs the time to find
 * that out.
 */
import type { Clock, Handler } from '@lapel/transport';
import { TransportError, collect, discard, originOf, request } from '@lapel/transport';
import type { GroupClient } from '@lapel/transport/coap';
import { readLinks } from '@lapel/transport/coap';

/** What a gateway calls itself among links (`rt`). */
export const cacheType = 'lapel.cache';

/** Origins, such as `coap://192.0.2.7`, as they are found, until there are no more or the signal ends it. */
export type Finder = (signal: AbortSignal) => AsyncIterable<string>;

export interface Finding {
  /** The most preferred first. */
  readonly finders: readonly Finder[];
  readonly clock: Clock;
  /** How long it may take. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Of one finder: whoever floods is heard no further, and keeps nobody else from being heard. */
const placesMax = 8;
const linksBytesMax = 16 * 1024;

/** Every place once, in the order of the finders. */
export async function findPlaces({ finders, clock, waitMs, signal }: Finding): Promise<readonly string[]> {
  const over = new AbortController();
  const done = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  clock.sleep(waitMs, AbortSignal.any([signal, done.signal])).then(
    () => over.abort(new TransportError('no-answer', 'the time to find servers is over')),
    () => undefined,
  );
  const found = await Promise.all(finders.map((finder) => placesOf(finder, until)));
  done.abort(new Error('found'));
  signal.throwIfAborted();
  return [...new Set(found.flat())];
}

async function placesOf(finder: Finder, until: AbortSignal): Promise<readonly string[]> {
  const places = new Set<string>();
  try {
    for await (const place of finder(until)) {
      places.add(place);
      if (places.size === placesMax) break;
    }
  } catch (error) {
    if (!until.aborted && !(error instanceof TransportError)) throw error;
  }
  return [...places];
}

/** What a server that is known, such as a router, says at `/.well-known/core`. */
export const linksAt = (origin: string, handler: Handler): Finder =>
  async function* (signal) {
    yield* cachesIn(await linksFrom(handler, '/.well-known/core', signal), origin);
  };

/** What everybody says who hears a group, such as 224.0.1.187:5683. */
export const linksOfGroup = (client: GroupClient, group: string): Finder =>
  async function* (signal) {
    const query = new Map([['rt', cacheType]]);
    const asked = request('GET', '/.well-known/core', { query, signal });
    for await (const { from, response } of client.ask(asked, group)) {
      const base = `coap://${from}`;
      if (!URL.canParse(base)) continue;
      yield* cachesIn(await textOf(response.body), base);
    }
  };

/** What is registered in a directory (§6), wherever that says it is looked up (§4.1). */
export const linksInDirectory = (origin: string, handler: Handler): Finder =>
  async function* (signal) {
    const lookups = linksOf(await linksFrom(handler, '/.well-known/core', signal, 'core.rd-lookup-res'));
    for (const { target } of lookups.filter(hasType('core.rd-lookup-res'))) {
      // A directory that sends elsewhere is not followed.
      const url = URL.canParse(target, origin) ? new URL(target, origin) : undefined;
      if (url === undefined || originOf(url) !== originOf(new URL(origin))) continue;
      yield* cachesIn(await linksFrom(handler, url.pathname, signal), origin);
    }
  };

/** Whether it is a gateway by its own word. @throws {TransportError} where it says nothing, for now */
export async function isGateway(handler: Handler, signal: AbortSignal): Promise<boolean> {
  const response = await askLinks(handler, '/.well-known/core', signal, cacheType);
  if (response.status === 'ok') return linksOf(await textOf(response.body)).some(hasType(cacheType));
  await discard(response.body);
  // A server of another kind may have no such page, or none for us.
  if (['not-found', 'unauthorized', 'forbidden'].includes(response.status)) return false;
  throw new TransportError('no-answer', `expected links, found ${response.status}`);
}

/** Where a directory takes registrations (RFC 9176 §4.1), by its own word. @throws {TransportError} */
export async function registrationPath(handler: Handler, signal: AbortSignal): Promise<string> {
  const links = linksOf(await linksFrom(handler, '/.well-known/core', signal, 'core.rd'));
  const path = links.find(hasType('core.rd'))?.target;
  // A directory that sends elsewhere is not followed.
  if (path !== undefined && /^\/(?!\/)/.test(path)) return path;
  throw new TransportError('refused', 'expected a link of rt=core.rd to a path there, found none');
}

const askLinks = (handler: Handler, path: string, signal: AbortSignal, type: string) =>
  handler(request('GET', path, { query: new Map([['rt', type]]), signal }));

async function linksFrom(
  handler: Handler,
  path: string,
  signal: AbortSignal,
  type = cacheType,
): Promise<string> {
  const response = await askLinks(handler, path, signal, type);
  if (response.status === 'ok') return textOf(response.body);
  await discard(response.body);
  throw new TransportError('no-answer', `expected links, found ${response.status}`);
}

const textOf = async (body: Parameters<typeof collect>[0]): Promise<string> =>
  new TextDecoder().decode(await collect(body, linksBytesMax));

/** Nobody's broken links keep others from being heard. */
function linksOf(text: string): ReturnType<typeof readLinks> {
  try {
    return readLinks(text);
  } catch (error) {
    if (error instanceof TransportError) return [];
    throw error;
  }
}

const hasType =
  (type: string) =>
  ({ attributes }: ReturnType<typeof readLinks>[number]) =>
    attributes.some(([name, value]) => name === 'rt' && (value ?? '').split(' ').includes(type));

/** Schemes that a device has a way for; whatever is neither is no place. */
const schemes: ReadonlySet<string> = new Set(['http:', 'https:', 'coap:', 'coap+tcp:']);

function cachesIn(text: string, base: string): readonly string[] {
  return linksOf(text)
    .filter(hasType(cacheType))
    .flatMap(({ target }) => {
      const url = URL.canParse(target, base) ? new URL(target, base) : undefined;
      return url !== undefined && schemes.has(url.protocol) && url.hostname !== '' ? [originOf(url)] : [];
    });
}
