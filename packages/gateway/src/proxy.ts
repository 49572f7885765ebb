/**
 * Other servers, asked on behalf of devices that have no way to them (RFC 8075 §5.4, in its simplest form;
 * RFC 7252 §5.7.2): `GET /hc?target_uri=…`. Only what is read, only by the schemes that devices have, only
 * where the guard allows, and only where an operator has switched it on.
 */
import type { Body, Handler, Request, Response, RouteHandler } from '@lapel/transport';
import { Problem, TransportError, discard, httpClient, request } from '@lapel/transport';
import { coapClient, coapTcpClient } from '@lapel/transport/coap';
import type { Guard } from './guard.ts';

export interface ProxyOptions {
  readonly guard: Guard;
}

const uriLengthMax = 2048;
/** Origins to which connections are kept. */
const originsMax = 64;
/** As much as a firmware server takes for one payload. */
const bodyBytesMax = 512 * 1024 * 1024;

export function proxying({ guard }: ProxyOptions): RouteHandler {
  const known = new Map<string, Promise<Handler>>();

  function handlerFor(target: URL): Promise<Handler> {
    const key = `${target.protocol}//${target.host}`;
    const found = known.get(key) ?? connect(target, guard);
    known.delete(key);
    known.set(key, found);
    found.catch(() => known.delete(key));
    if (known.size > originsMax) known.delete(known.keys().next().value ?? '');
    return found;
  }

  return async (asked) => {
    const target = targetOf(asked);
    try {
      guard.requireHost(target.hostname);
      const handler = await handlerFor(target);
      const response = await handler(
        request('GET', decodeURIComponent(target.pathname), {
          query: new Map(target.searchParams),
          signal: asked.signal,
          ...(asked.range === undefined ? {} : { range: asked.range }),
          ...(asked.ifNoneMatch === undefined ? {} : { ifNoneMatch: asked.ifNoneMatch }),
        }),
      );
      return await passedBack(response);
    } catch (error) {
      if (!(error instanceof TransportError) || error.kind !== 'refused') throw error;
      throw new Problem('forbidden', error.message, { cause: error });
    }
  };
}

/** @throws {Problem} */
function targetOf({ query }: Request): URL {
  const text = query.get('target_uri') ?? '';
  const url = text.length <= uriLengthMax && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new Problem('bad-request', 'expected an absolute URI as target_uri, found none');
  if (!['http:', 'https:', 'coap:', 'coap+tcp:'].includes(url.protocol)) {
    throw new Problem('forbidden', `expected a URI of http, https, coap or coap+tcp, found ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '' || url.hostname === '') {
    throw new Problem('bad-request', 'expected a URI with a host and nobody before it, found another');
  }
  return url;
}

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
    throw new Problem('too-large', `expected at most ${bodyBytesMax} bytes behind target_uri, found ${size}`);
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
