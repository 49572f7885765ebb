/**
 * Serves a Handler over CoAP on a port of UDP, with a written limit on everything that a client can make
 * grow.
 */
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { toTransportError } from '../network-error.ts';
import { serverAt } from './server-url.ts';
import type { Handler } from '../exchange.ts';
import { PortInUse } from '../http-server.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { Clock, Random } from '../system.ts';
import type { BlockServerLimits, BlockServerOptions } from './block-server.ts';
import { blockServer } from './block-server.ts';
import type { Respond } from './carrier.ts';
import type { Datagrams } from './datagrams.ts';
import { coapClientOn } from './coap-client.ts';
import { createEndpoint } from './endpoint.ts';
import type { Endpoint, EndpointLimits } from './endpoint.ts';
import { serveGroup, withGroup } from './multicast.ts';
import type { GroupServerOptions } from './multicast.ts';
import type { Subscribe } from './observe-server.ts';
import type { FindContext } from './oscore.ts';
import { oscoreServer } from './oscore.ts';
import { provingAddress } from './proof-of-address.ts';
import type { Proxy } from './proxy.ts';
import { quickTimes } from './quick-block.ts';
import type { Transmission } from './transmission.ts';
import { transmissionDefaults } from './transmission.ts';
import { addressText, udpServer } from './udp.ts';
import type { Group, Udp } from './udp.ts';
import { udpGroup } from './udp-group.ts';

export interface ServeCoapOptions {
  /** 0 takes any free port; 5683 is CoAP's own. */
  readonly port: number;
  /** Local by default: who opens a server to the network says so. */
  readonly host?: string;
  readonly limits?: Partial<BlockServerLimits & EndpointLimits>;
  readonly transmission?: Partial<Transmission>;
  /** What may be observed; nothing where it is absent. */
  readonly subscribe?: Subscribe;
  /** Makes requests for others (RFC 7252 §5.7.2); absent in what is no proxy. */
  readonly proxy?: Proxy;
  /** Secrets that are shared with clients, each by the name in a request (`contextName`). */
  readonly oscore?: FindContext;
  /** Groups that are answered too (RFC 7252 §8), as one who looks for servers asks them. */
  readonly groups?: readonly (Group & Pick<GroupServerOptions, 'leisureMs'>)[];
  /** Nothing is answered but under such a secret. */
  readonly oscoreOnly?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly onBug: (error: unknown) => void;
}

export interface CoapServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface UdpCoapServer extends CoapServer {
  /** Asks another one from this server's own port, as one who wants to be asked in turn. */
  client(url: string): Handler;
}

/** @throws {PortInUse} */
export async function serveCoap(handler: Handler, options: ServeCoapOptions): Promise<UdpCoapServer> {
  const { port, host = '127.0.0.1', groups = [] } = options;
  const datagrams = await udpServer({ host, port }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new PortInUse(port, { cause: error }) : error;
  });
  const { clock, random, transmission } = options;
  const asking = {
    ...(clock && { clock }),
    ...(random && { random }),
    ...(transmission && { transmission }),
  };
  const askBack = (address: string): Handler => coapClientOn(endpoint, address, asking).handler;
  const layers = layersOf(handler, { ...options, askBack });
  const { group, alone } = withGroup(datagrams);
  const endpoint = endpointOver(alone, layers, options);
  const isShared = ({ port: at }: Group) => isOnAll(host) && at === datagrams.port;
  const served = await answerGroups(
    { groups, isShared, own: { ...datagrams, ...group }, layers },
    options,
  ).catch(async (error: unknown) => {
    await endpoint.close();
    throw error;
  });
  return {
    url: `coap://${host.includes(':') ? `[${host}]` : host}:${datagrams.port}`,
    port: datagrams.port,
    client(url) {
      const server = serverAt(url, 'coap:', undefined);
      return async (request) => {
        const { address } = await lookup(server.host, { family: isIPv6(host) ? 6 : 4 }).catch(refuse);
        return askBack(addressText(address, server.port))(server.prefixed(request));
      };
    },
    async close() {
      await Promise.all(served.map((group) => group.close()));
      await endpoint.close();
    },
  };
}

type Layering = Omit<ServeCoapOptions, 'port' | 'host' | 'groups'> & Pick<BlockServerOptions, 'askBack'>;

/** The same across datagrams of another kind. */
export const serveCoapOver = (datagrams: Datagrams, handler: Handler, options: Layering): Endpoint =>
  endpointOver(datagrams, layersOf(handler, options), options);

function refuse(error: Error): never {
  throw toTransportError(error);
}

interface Layers {
  /** For whoever asks without a secret. */
  readonly plain: Respond;
  readonly respond: Respond;
}

function layersOf(handler: Handler, options: Layering): Layers {
  const { clock = systemClock, random = systemRandom, onBug } = options;
  const { limits = {}, transmission = {}, subscribe, proxy } = options;
  const { askBack } = options;
  const observed = {
    ...(subscribe && { subscribe }),
    ...(proxy && { proxy }),
    ...(askBack && { askBack }),
  };
  const quick = quickTimes({ ...transmissionDefaults, ...transmission }, random);
  const blocks = blockServer(handler, { clock, limits, onBug, quick, ...observed });
  const plain = provingAddress(blocks, { clock, random });
  // Whoever has the secret is no stranger: its requests, and they alone, are answered at any length.
  const respond = securedBy(options, random, { secured: blocks, plain });
  return { plain: options.oscoreOnly === true ? respond : plain, respond };
}

function endpointOver(datagrams: Datagrams, { respond }: Layers, options: Layering): Endpoint {
  const { clock = systemClock, random = systemRandom, onBug } = options;
  const { limits = {}, transmission = {} } = options;
  const told = { onBug, onError: onBug };
  return createEndpoint({ datagrams, clock, random, transmission, limits, respond, ...told });
}

/** Where the port is bound to every address, it hears groups of that port itself, and no other may. */
const isOnAll = (host: string): boolean => ['0.0.0.0', '::'].includes(host);

async function answerGroups(
  { groups, isShared, own, layers }: GroupsOnPort,
  { clock = systemClock, random = systemRandom, onBug }: Layering,
): Promise<readonly { close(): Promise<void> }[]> {
  const common = { clock, random, respond: layers.plain, onBug };
  const shared = groups.filter(isShared);
  for (const group of shared) own.join(group);
  const first = shared[0] && serveGroup({ ...shared[0], ...common, datagrams: own, mayBeAlone: true });
  const served = first === undefined ? [] : [first];
  for (const group of groups.filter((each) => !isShared(each))) {
    const heard = await udpGroup(group).catch(async (error: unknown) => {
      await Promise.all(served.map((each) => each.close()));
      throw error;
    });
    // Answers come from this server's own address, where what did not fit into them is asked for.
    served.push(serveGroup({ ...group, ...common, datagrams: { ...heard, send: own.send } }));
  }
  return served;
}

interface GroupsOnPort {
  readonly groups: NonNullable<ServeCoapOptions['groups']>;
  readonly isShared: (group: Group) => boolean;
  /** What of this server's port is for groups. */
  readonly own: Udp;
  readonly layers: Layers;
}

/** @throws {RangeError} where nobody could be answered */
export function securedBy(
  { oscore, oscoreOnly = false }: Pick<ServeCoapOptions, 'oscore' | 'oscoreOnly'>,
  random: Random,
  { secured, plain }: { readonly secured: Respond; readonly plain: Respond },
): Respond {
  if (oscore === undefined && oscoreOnly)
    throw new RangeError('expected secrets with oscoreOnly, found none');
  if (oscore === undefined) return plain;
  return oscoreServer({ find: oscore, random, secured, ...(oscoreOnly ? {} : { plain }) });
}
