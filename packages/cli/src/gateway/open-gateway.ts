/** A gateway on its ports, HTTP and CoAP, before servers that are reached over either. */

import type { GatewayStanding, Upstream } from '@lapel/gateway';
import { openGateway } from '@lapel/gateway';
import type { Handler, HttpClientOptions, ServeTls } from '@lapel/transport';
import { TransportError, httpClient, httpListener, serveListener } from '@lapel/transport';
import { coapClient, coapTcpClient } from '@lapel/transport/coap';
import { openCoapRoads } from '../serve/coap-roads.ts';
import type { ServerLog } from '../serve/server-log.ts';
import { tellingListener } from '../serve/tell-answers.ts';

export interface GatewayHouseOptions {
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
}

export interface OpenedGateway {
  readonly url: string;
  readonly coap: readonly string[];
  readonly standing: () => GatewayStanding;
  close(): Promise<void>;
}

/** Devices wait for offers through it, each on a connection of its own. */
const upstreamSockets = 4096;

/** @throws {PortInUse} */
export async function openGatewayHouse(options: GatewayHouseOptions): Promise<OpenedGateway> {
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
    onNotice: log.notice,
    onBug,
  });
  try {
    const listener = tellingListener(httpListener(gateway.handler, { onBug }), log);
    const at = { port, ...(host === undefined ? {} : { host }), ...(tls === undefined ? {} : { tls }) };
    const server = await serveListener(listener, at);
    try {
      const roads = await openCoapRoads(gateway.handler, undefined, options);
      const close = async () => {
        await roads.close();
        await gateway.close();
        await server.close();
      };
      return { url: server.url, coap: roads.urls, standing: gateway.standing, close };
    } catch (error) {
      await server.close(0);
      throw error;
    }
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

function upstreamAt(url: string, { upstreamTls }: GatewayHouseOptions): Upstream {
  return { name: url, handler: handlerAt(url, upstreamTls) };
}

function handlerAt(url: string, upstreamTls: GatewayHouseOptions['upstreamTls']): Handler {
  switch (new URL(url).protocol) {
    case 'coap:':
      return coapClient(url);
    case 'coap+tcp:':
      return coapTcpClient(url);
    default:
      return httpClient(url, { ...upstreamTls, maxSockets: upstreamSockets });
  }
}
