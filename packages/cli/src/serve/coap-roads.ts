/**
 * What devices ask of a server, over CoAP as over HTTP: one port of UDP and the same of TCP. What a device
 * waits for, it may observe (RFC 7641).
 */

import { lookup } from 'node:dns/promises';
import type { Handler, ServeTls } from '@lapel/transport';
import { PortInUse, systemClock } from '@lapel/transport';
import type { CoapServer, FindContext, ServeCoapOptions, UdpCoapServer } from '@lapel/transport/coap';
import { observedOnce, serveCoap, serveCoapTcp, subscribeByWaiting } from '@lapel/transport/coap';
import { groupsAt } from '../coap-groups.ts';
import type { ServerLog } from './server-log.ts';
import { tellingHandler } from './tell-answers.ts';

export interface CoapRoads {
  readonly urls: readonly string[];
  /** Asks another one over UDP, from the port where this one answers; undefined where there is none. */
  readonly client: UdpCoapServer['client'] | undefined;
  close(): Promise<void>;
}

export interface CoapRoadsOptions {
  readonly coapPort?: number;
  readonly oscoreOnly?: boolean;
  readonly tls?: ServeTls;
  readonly host?: string;
  readonly log: ServerLog;
  /** Whether it hears what is asked of all (RFC 7252 §12.8). */
  readonly isInGroups?: boolean;
  /** Whom it asks for others. */
  readonly proxy?: ServeCoapOptions['proxy'] | undefined;
}

/** @throws {PortInUse} */
export async function openCoapRoads(
  handler: Handler,
  oscore: FindContext | undefined,
  options: CoapRoadsOptions,
): Promise<CoapRoads> {
  const { coapPort, host = '127.0.0.1', log, tls, oscoreOnly = false, isInGroups = false, proxy } = options;
  if (coapPort === undefined) return { urls: [], client: undefined, close: async () => undefined };
  const answering = tellingHandler(handler, log);
  // One look at a name: both must listen at the same address.
  const { address } = await lookup(host);
  const [udp, tcp] = await onOnePort(answering, coapPort, {
    host: address,
    groups: isInGroups ? groupsAt(address) : [],
    ...(oscore === undefined ? {} : { oscore }),
    ...(proxy === undefined ? {} : { proxy }),
    // Who asks over HTTP for a certificate of its authority lets nobody in by another door without a proof.
    oscoreOnly: oscoreOnly || tls?.clientCa !== undefined,
    subscribe: observedOnce(subscribeByWaiting(answering, systemClock, isObservable)),
    onBug: log.bug,
  });
  return {
    urls: [udp.url, tcp.url],
    client: udp.client,
    close: async () => void (await Promise.all([udp.close(), tcp.close()])),
  };
}

const isObservable = (path: string): boolean => path.startsWith('/offers/');

/** Where any port will do, one that is free in UDP may be taken in TCP. */
const triesMax = 8;

async function onOnePort(
  handler: Handler,
  port: number,
  options: Omit<ServeCoapOptions, 'port'>,
): Promise<readonly [UdpCoapServer, CoapServer]> {
  for (let tries = 1; ; tries++) {
    const udp = await serveCoap(handler, { ...options, port });
    try {
      return [udp, await serveCoapTcp(handler, { ...options, port: udp.port })];
    } catch (error) {
      await udp.close();
      if (!(error instanceof PortInUse) || port !== 0 || tries === triesMax) throw error;
    }
  }
}
