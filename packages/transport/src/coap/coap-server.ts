/**
 * Serves a Handler over CoAP on a port of UDP, with a written limit on everything that a client can make
 * grow.
 */
import type { Handler } from '../exchange.ts';
import { PortInUse } from '../http-server.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { Clock, Random } from '../system.ts';
import type { BlockServerLimits } from './block-server.ts';
import { blockServer } from './block-server.ts';
import { createEndpoint } from './endpoint.ts';
import type { EndpointLimits } from './endpoint.ts';
import type { Subscribe } from './observe-server.ts';
import { oscoreServer } from './oscore.ts';
import type { OscoreContext } from './oscore-context.ts';
import { provingAddress } from './proof-of-address.ts';
import type { Transmission } from './transmission.ts';
import { udpServer } from './udp.ts';

export interface ServeCoapOptions {
  /** 0 takes any free port; 5683 is CoAP's own. */
  readonly port: number;
  /** Local by default: who opens a server to the network says so. */
  readonly host?: string;
  readonly limits?: Partial<BlockServerLimits & EndpointLimits>;
  readonly transmission?: Partial<Transmission>;
  /** What may be observed; nothing where it is absent. */
  readonly subscribe?: Subscribe;
  /** Secrets that are shared with clients, each by the name in a request (`contextName`). */
  readonly oscore?: (name: string) => OscoreContext | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly onBug: (error: unknown) => void;
}

export interface CoapServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** @throws {PortInUse} */
export async function serveCoap(handler: Handler, options: ServeCoapOptions): Promise<CoapServer> {
  const { port, host = '127.0.0.1', clock = systemClock, random = systemRandom, onBug } = options;
  const { limits = {}, transmission = {}, oscore, subscribe } = options;
  const datagrams = await udpServer({ host, port }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new PortInUse(port, { cause: error }) : error;
  });
  const observed = subscribe === undefined ? {} : { subscribe };
  const blocks = blockServer(handler, { clock, limits, onBug, ...observed });
  const plain = provingAddress(blocks, { clock, random });
  // Whoever has the secret is no stranger: its requests, and they alone, are answered at any length.
  const respond =
    oscore === undefined ? plain : oscoreServer({ find: oscore, random, secured: blocks, plain });
  const endpoint = createEndpoint({
    datagrams,
    clock,
    random,
    transmission,
    limits,
    respond,
    onBug,
    onError: onBug,
  });
  return {
    url: `coap://${host.includes(':') ? `[${host}]` : host}:${datagrams.port}`,
    port: datagrams.port,
    close: () => endpoint.close(),
  };
}
