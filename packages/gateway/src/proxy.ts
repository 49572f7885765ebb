/**
 * Other servers, asked on behalf of devices that have no way to them: as `GET /hc?target_uri=…` over HTTP
 * (RFC 8075 §5.4), by Proxy-Uri and Proxy-Scheme over CoAP (RFC 7252 §5.7.2). Only what is read, only by the
 * schemes that devices have, only where the guard allows, and only where an operator has switched it on. What
 * is named by its digest is as good from there as from anywhere, and is kept.
 */
import type { Body, Handler, Request, Response } from '@lapel/transport';
import { Problem, TransportError, discard, httpClient, originOf, problemResponse } from '@lapel/transport';
import { request } from '@lapel/transport';
import type { Proxy } from '@lapel/transport/coap';
import { coapClient, coapTcpClient } from '@lapel/transport/coap';
import type { Cache } from './cache/caching.ts';
import { contentAsked } from './cache/caching.ts';
import type { Guard } from './guard.ts';

export interface ProxyOptions {
  readonly guard: Guard;
  readonly cache: Cache;
  /** As asked from here. */
  readonly marked: (handler: Handler) => Handler;
}

/** Origins to which connections are kept. */
const originsMax = 64;
/** As much as a firmware server takes for one payload. */
const bodyBytesMax = 512 * 1024 * 1024;
const schemes: ReadonlySet<string> = new Set(['http:', 'https:', 'coap:', 'coap+tcp:']);

export function proxying({ guard, cache, marked }: ProxyOptions): Proxy {
  const known = new Map<string, Promise<Handler>>();

  function handlerFor(origin: URL): Promise<Handler> {
    const key = originOf(origin);
    const found = known.get(key) ?? connect(origin, guard);
    known.delete(key);
    known.set(key, found);
    found.catch(() => known.delete(key));
    if (known.size > originsMax) known.delete(known.keys().next().value ?? '');
    return found;
  }

  return (origin) => {
    if (!schemes.has(origin.protocol) || !isAllowed(guard, origin)) return undefined;
    const there: Handler = async (asked) => (await handlerFor(origin))(asked);
    return async (asked) => {
      try {
        if (asked.method !== 'GET')
          throw new Problem('method-not-allowed', `expected GET to another server, found ${asked.method}`);
        const name = named(asked);
        if (name !== undefined)
          return await cache.get(asked, name, [{ name: originOf(origin), handler: marked(there) }]);
        return await passedBack(await there(bare(asked)));
      } catch (error) {
        if (error instanceof Problem) return problemResponse(error);
        if (!(error instanceof TransportError) || error.kind !== 'refused') throw error;
        return problemResponse(new Problem('forbidden', error.message, { cause: error }));
      }
    };
  };
}

/** An address is judged at once; a name where it is looked up. */
function isAllowed(guard: Guard, { hostname }: URL): boolean {
  try {
    guard.requireHost(hostname);
    return true;
  } catch (error) {
    if (error instanceof TransportError) return false;
    throw error;
  }
}

/** What every copy proves to be what it is called. */
function named(asked: Request): ReturnType<typeof contentAsked> {
  const groups = /^\/(?<kind>payloads|manifests)\/(?<digest>[^/]+)$/.exec(asked.path)?.groups;
  const { kind, digest = '' } = groups ?? {};
  if (asked.query.size > 0 || (kind !== 'payloads' && kind !== 'manifests')) return undefined;
  return contentAsked(asked, kind, digest);
}

/** No word of its sender's but how far it may go: tokens and the like are for us. */
const bare = ({ path, query, signal, range, ifNoneMatch, headers }: Request): Request => {
  const limit = headers['hop-limit'];
  return request('GET', path, {
    query,
    signal,
    ...(range === undefined ? {} : { range }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(limit === undefined ? {} : { headers: { 'hop-limit': limit } }),
  });
};

/** A name is looked up once for a connection, and its address is the one that is connected to. */
async function connect({ protocol, host, hostname, port }: URL, guard: Guard): Promise<Handler> {
  if (protocol === 'http:' || protocol === 'https:') {
    return httpClient(`${protocol}//${host}`, { lookup: guard.lookup });
  }
  const address = await guard.addressOf(hostname);
  const literal = address.includes(':') ? `[${address}]` : address;
  const at = `${protocol}//${literal}${port === '' ? '' : `:${port}`}`;
  return protocol === 'coap:' ? coapClient(at) : coapTcpClient(at);
}

/** What it says of itself, and no word of its headers: cookies and the like are nobody's here. */
async function passedBack({ status, contentType, etag, size, range, body }: Response): Promise<Response> {
  if (size !== undefined && size > bodyBytesMax) {
    await discard(body);
    throw new Problem('too-large', `expected at most ${bodyBytesMax} bytes behind the URI, found ${size}`);
  }
  return { status, contentType, etag, size, range, body: atMost(body) };
}

function atMost(body: Body): Body {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let found = 0;
    for await (const chunk of body) {
      found += chunk.length;
      if (found > bodyBytesMax) {
        throw new TransportError('malformed', `expected at most ${bodyBytesMax} bytes, found more`);
      }
      yield chunk;
    }
  }
  return Object.assign(chunks(), { destroy: () => discard(body) });
}
