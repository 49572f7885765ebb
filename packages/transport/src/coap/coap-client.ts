/** A server across CoAP over UDP, as a Handler: everything that `httpClient` is, in a few bytes. */
import type { Handler, Request, Response } from '../exchange.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { Clock, Random } from '../system.ts';
import { toTransportError } from '../network-error.ts';
import { blockClient } from './block-client.ts';
import type { Datagrams } from './datagrams.ts';
import type { Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import { serverAt } from './server-url.ts';
import { subscribing } from './observe-client.ts';
import { oscoreClient } from './oscore.ts';
import type { OscoreContext } from './oscore-context.ts';
import { echoing } from './proof-of-address.ts';
import { transmissionDefaults } from './transmission.ts';
import type { Transmission } from './transmission.ts';
import { udpClient } from './udp.ts';

export interface CoapClientOptions {
  readonly transmission?: Partial<Transmission>;
  /** 0 to 6: no block is larger than 2^(szx + 4) bytes. */
  readonly szx?: number;
  /**
   * Blocks go in sets and are not waited for singly (RFC 9177), where the server understands that: for links
   * that are slow to answer or lose much.
   */
  readonly quick?: boolean;
  /** Whom the server, as a proxy, asks for us (RFC 7252 §5.7.2), such as `http://files.example`. */
  readonly origin?: string | URL;
  /** The secret that is shared with the server; without one, everybody on the way can read and change. */
  readonly oscore?: OscoreContext;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface CoapClient extends Handler {
  /** What the resource is, and what it becomes (RFC 7641); ends when the server no longer tells. */
  subscribe(request: Request): AsyncIterable<Response>;
  close(): Promise<void>;
}

/** @param baseUrl what paths are appended to, such as `coap://localhost` */
export function coapClient(baseUrl: string | URL, options: CoapClientOptions = {}): CoapClient {
  const { host, port, prefixed } = serverAt(baseUrl, 'coap:', options.origin);
  let opened: Promise<Connection> | undefined;

  /** At the first request, and again after a name could not be found. */
  const connection = (): Promise<Connection> => {
    opened ??= connect(host, port, options).catch((error: unknown) => {
      opened = undefined;
      throw error instanceof Error ? toTransportError(error) : error;
    });
    return opened;
  };
  const handler: Handler = async (request) => {
    request.signal.throwIfAborted();
    return (await connection()).handler(prefixed(request));
  };
  return Object.assign(handler, {
    async *subscribe(request: Request): AsyncIterable<Response> {
      yield* (await connection()).subscribe(prefixed(request));
    },
    async close() {
      const open = await opened?.catch(() => undefined);
      await open?.endpoint.close();
    },
  });
}

export interface Connection {
  readonly endpoint: Endpoint;
  readonly handler: Handler;
  readonly subscribe: (request: Request) => AsyncIterable<Response>;
}

async function connect(host: string, port: number, options: CoapClientOptions): Promise<Connection> {
  const udp = await udpClient({ host, port });
  return coapClientOver(udp, udp.to, options);
}

/** The same across datagrams of another kind. */
export function coapClientOver(datagrams: Datagrams, to: string, options: CoapClientOptions): Connection {
  const { clock = systemClock, random = systemRandom, transmission = {} } = options;
  const endpoint = createEndpoint({
    datagrams,
    clock,
    random,
    transmission,
    onBug: (error) => endpoint.fail(error instanceof Error ? error : new Error(String(error))),
    onError: (error) => endpoint.fail(toTransportError(error)),
  });
  return { endpoint, ...coapClientOn(endpoint, to, options) };
}

/** The same from an endpoint that may serve, too: it is asked by the port that it answers at. */
export function coapClientOn(
  endpoint: Endpoint,
  to: string,
  options: CoapClientOptions,
): Omit<Connection, 'endpoint'> {
  const { random = systemRandom, oscore, szx, transmission = {}, quick, origin } = options;
  const carrier = { ask: endpoint.ask(to), watch: endpoint.watch(to), burst: endpoint.burst(to) };
  const secured = oscore === undefined ? carrier : oscoreClient(oscore, carrier);
  const { ask, watch, burst } = echoing(secured);
  const blocks = {
    random,
    transmission: { ...transmissionDefaults, ...transmission },
    ...(szx === undefined ? {} : { szx }),
    ...(quick === true ? { burst } : {}),
    origin: origin === undefined ? undefined : new URL(origin),
  };
  const handler = blockClient(ask, blocks);
  return { handler, subscribe: subscribing(watch, ask, blocks) };
}
