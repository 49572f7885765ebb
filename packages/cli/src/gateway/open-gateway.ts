/** A gateway on its ports, HTTP and CoAP, before servers that are reached over either. */

import type { Announced, GatewayStanding, Guard, Upstream } from '@lapel/gateway';
import { announce, keepRegistered, openGateway } from '@lapel/gateway';
import type { Handler, HttpClientOptions, HttpServer, ServeTls } from '@lapel/transport';
import { TransportError, httpClient, httpListener, serveListener, systemClock } from '@lapel/transport';
import { coapClient, coapTcpClient } from '@lapel/transport/coap';
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
  readonly cacheBytes: number;
  readonly tls?: ServeTls;
  /** How servers upstream are proved, and the gateway to them. */
  readonly upstreamTls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
  readonly log: ServerLog;
  /** By this name the local network is told of it. */
  readonly announce?: string;
  readonly registering: { readonly directories: readonly string[]; readonly base: string } | undefined;
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

/** @throws {PortInUse} */
export async function openGatewayHouse(options: OpenGatewayOptions): Promise<OpenedGateway> {
  const { folder, upstreams, port, host, tls, log, cacheBytes } = options;
  // A link that breaks while something is passed on is no mistake of ours.
  const onBug = (error: unknown) => {
    if (error instanceof TransportError) log.notice(`broken off: ${error.message}`);
    else log.bug(error);
  };
  const gateway = await openGateway({
    folder,
    cacheBytes,
    upstreams: upstreams.map((url) => upstreamAt(url, options)),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    onNotice: log.notice,
    onBug,
  });
  try {
    const listener = tellingListener(httpListener(gateway.handler, { onBug }), log);
    const at = { port, ...(host === undefined ? {} : { host }), ...(tls === undefined ? {} : { tls }) };
    const server = await serveListener(listener, at);
    try {
      const groups = options.announce === undefined ? {} : { groups: [coapGroup] };
      const roads = await openCoapRoads(gateway.handler, undefined, { ...options, ...groups });
      const untold = await tellOfIt(options, server, roads.urls).catch(async (error: unknown) => {
        await roads.close();
        throw error;
      });
      const close = async () => {
        await untold();
        await roads.close();
        await gateway.close();
        await server.close();
      };
      const { url, show } = server;
      return { url, coap: roads.urls, standing: gateway.standing, show, close };
    } catch (error) {
      await server.close(0);
      throw error;
    }
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

/** All CoAP nodes of a network (RFC 7252 §12.8). */
const coapGroup = { address: '224.0.1.187', port: 5683 };

/** By DNS-SD, and in directories. @returns what takes it back */
async function tellOfIt(
  { announce: name, registering, upstreamTls, log }: OpenGatewayOptions,
  server: HttpServer,
  coapUrls: readonly string[],
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
        directory: handlerAt(url, upstreamTls),
        endpoint: name ?? 'gateway',
        base: registering?.base ?? '',
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

function upstreamAt(url: string, { upstreamTls }: OpenGatewayOptions): Upstream {
  return { name: url, handler: handlerAt(url, upstreamTls) };
}

function handlerAt(url: string, upstreamTls: OpenGatewayOptions['upstreamTls']): Handler {
  switch (new URL(url).protocol) {
    case 'coap:':
      return coapClient(url);
    case 'coap+tcp:':
      return coapTcpClient(url);
    default:
      return httpClient(url, { ...upstreamTls, maxSockets: upstreamSockets });
  }
}
