/** A gateway on its ports, HTTP and CoAP, before servers that are reached over either. */

import type { SharedSecret } from '@lapel/cose';
import type { Announced, Gateway, GatewayStanding, Guard, Neighbours, Upstream } from '@lapel/gateway';
import { FolderInUse, announce, keepRegistered, openGateway, openNeighbours } from '@lapel/gateway';
import type { Handler, HttpClientOptions, HttpServer, ServeTls } from '@lapel/transport';
import { TransportError, httpListener, serveListener, systemClock } from '@lapel/transport';
import type { OscoreContext } from '@lapel/transport/coap';
import { clientAt } from '../client-at.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import type { CoapRoads } from '../serve/coap-roads.ts';
import { openCoapRoads } from '../serve/coap-roads.ts';
import type { ServerLog } from '../serve/server-log.ts';
import { tellingListener } from '../serve/tell-answers.ts';

export interface OpenGatewayOptions {
  readonly folder: string;
  /** URLs, the nearest first and the origin last. */
  readonly upstreams: readonly string[];
  readonly port: number;
  readonly host?: string;
  readonly coapPort?: number;
  /** Who shares a secret with it, as each device has it. */
  readonly oscore?: readonly { readonly id: string; readonly secret: SharedSecret }[];
  /** Over CoAP nothing is answered but under such a secret. */
  readonly oscoreOnly?: boolean;
  /** What it shares itself with the one server upstream that is reached by CoAP. */
  readonly upstreamOscore?: SharedSecret;
  readonly cacheBytes: number;
  readonly tls?: ServeTls;
  /** How servers upstream are proved, and the gateway to them. */
  readonly upstreamTls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
  readonly log: ServerLog;
  /** By this name the local network is told of it. */
  readonly announce?: string;
  /** Without a base the directories are those of CoAP, which see where it is. */
  readonly registering:
    { readonly directories: readonly string[]; readonly base: string | undefined } | undefined;
  readonly proxy?: Guard;
}

export interface OpenedGateway {
  readonly url: string;
  readonly coap: readonly string[];
  readonly standing: () => GatewayStanding;
  /** To who connects from now on. */
  readonly show: HttpServer['show'];
  close(): Promise<void>;
}

/** Devices wait for offers through it, each on a connection of its own. */
const upstreamSockets = 4096;

/** @throws {PortInUse}; {CommandFailure} where secrets are none, or the folder is another's */
export async function openGatewayHouse(options: OpenGatewayOptions): Promise<OpenedGateway> {
  const neighbours = await neighboursOf(options);
  try {
    return await openBetween(options, neighbours);
  } catch (error) {
    neighbours?.close();
    throw error;
  }
}

/** @throws {CommandFailure} */
async function neighboursOf(options: OpenGatewayOptions): Promise<Neighbours | undefined> {
  const { folder, oscore: devices = [], upstreamOscore: upstream, upstreams } = options;
  if (devices.length === 0 && upstream === undefined) return undefined;
  const coap = upstreams.filter(isCoap).length;
  // One secret with two servers is one nonce for two answers.
  if (upstream !== undefined && coap !== 1) {
    const message = `expected one --upstream of CoAP with --upstream-oscore, found ${coap}`;
    throw new CommandFailure(exitCodes.usage, message);
  }
  const secrets = { devices, ...(upstream === undefined ? {} : { upstream }) };
  return openNeighbours({ folder, ...secrets, clock: systemClock }).catch((error: unknown) => {
    if (!(error instanceof FolderInUse || error instanceof RangeError)) throw error;
    const exitCode = error instanceof FolderInUse ? exitCodes.conflict : exitCodes.failed;
    throw new CommandFailure(exitCode, error.message, { cause: error });
  });
}

async function openBetween(
  options: OpenGatewayOptions,
  neighbours: Neighbours | undefined,
): Promise<OpenedGateway> {
  const { folder, upstreams, log, cacheBytes } = options;
  // A link that breaks while something is passed on is no mistake of ours.
  const onBug = (error: unknown) => {
    if (error instanceof TransportError) log.notice(`broken off: ${error.message}`);
    else log.bug(error);
  };
  const gateway = await openGateway({
    folder,
    cacheBytes,
    upstreams: upstreams.map((url) => upstreamAt(url, options, neighbours)),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    onNotice: log.notice,
    onBug,
  });
  try {
    const served = await serveAt(options, gateway, neighbours, onBug);
    const close = async () => {
      await served.untold();
      await served.roads.close();
      await gateway.close();
      await served.server.close();
      neighbours?.close();
    };
    const { url, show } = served.server;
    return { url, coap: served.roads.urls, standing: gateway.standing, show, close };
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

/** On its ports, and where the network is told of them. */
async function serveAt(
  options: OpenGatewayOptions,
  { handler, proxy }: Gateway,
  neighbours: Neighbours | undefined,
  onBug: (error: unknown) => void,
) {
  const { port, host, tls, log } = options;
  const listener = tellingListener(httpListener(handler, { onBug }), log);
  const at = { port, ...(host === undefined ? {} : { host }), ...(tls === undefined ? {} : { tls }) };
  const server = await serveListener(listener, at);
  try {
    const roads = await openCoapRoads(handler, neighbours?.find, {
      ...options,
      isInGroups: options.announce !== undefined,
      proxy,
    });
    const untold = await tellOfIt(options, server, roads).catch(async (error: unknown) => {
      await roads.close();
      throw error;
    });
    return { server, roads, untold };
  } catch (error) {
    await server.close(0);
    throw error;
  }
}

/** By DNS-SD, and in directories. @returns what takes it back */
async function tellOfIt(
  { announce: name, registering, upstreamTls, log }: OpenGatewayOptions,
  server: HttpServer,
  { urls: coapUrls, client }: CoapRoads,
): Promise<() => Promise<void>> {
  const onError = (error: unknown) => log.notice(`announcing failed: ${String(error)}`);
  const services = [server.url, ...coapUrls].map((url) => {
    const { port, protocol } = new URL(url);
    return { port: Number(port), scheme: protocol.slice(0, -1) as Announced['scheme'] };
  });
  const announced =
    name === undefined
      ? undefined
      : await announce(
          services.map((each) => ({ ...each, name: `${name} (${each.scheme})` })),
          { onError },
        );
  const over = new AbortController();
  const registered = (registering?.directories ?? []).map((url) =>
    keepRegistered(
      {
        directory:
          registering?.base === undefined && client !== undefined ? client(url) : handlerAt(url, upstreamTls),
        endpoint: name ?? 'gateway',
        ...(registering?.base === undefined ? {} : { base: registering.base }),
        clock: systemClock,
        onNotice: log.notice,
      },
      over.signal,
    ),
  );
  return async () => {
    over.abort(new Error('the gateway is closing'));
    await Promise.all([...registered, announced?.close()]);
  };
}

/** What shares a secret with the server upstream is spoken to under it, and nobody else is. */
function upstreamAt(url: string, options: OpenGatewayOptions, neighbours: Neighbours | undefined): Upstream {
  const oscore = isCoap(url) ? neighbours?.upstream : undefined;
  return { name: url, handler: handlerAt(url, options.upstreamTls, oscore) };
}

const isCoap = (url: string): boolean => /^coap(?:\+tcp)?:/.test(url);

function handlerAt(url: string, tls: OpenGatewayOptions['upstreamTls'], oscore?: OscoreContext): Handler {
  const http = { ...tls, maxSockets: upstreamSockets };
  const handler = clientAt(url, { http, coap: oscore === undefined ? {} : { oscore } });
  if (handler === undefined) throw new TypeError(`expected a URL of HTTP or CoAP, found ${url}`);
  return handler;
}
