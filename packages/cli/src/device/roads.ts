/**
 * Every way that a device on this machine has to an origin: HTTP, HTTPS, CoAP over UDP and over TCP. Whatever
 * the scheme, the manifest is what is trusted, not the server.
 */

import type { SharedSecret } from '@lapel/cose';
import type { MessageNumbers, Network } from '@lapel/device';
import type { Clock, Handler, HttpClientOptions } from '@lapel/transport';
import type { OscoreContext } from '@lapel/transport/coap';
import { oscoreContext, secretOf } from '@lapel/transport/coap';
import { clientAt } from '../client-at.ts';

export interface RoadsOptions {
  /** How servers are proved over HTTPS, and the device to them. */
  readonly tls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
  readonly clock: Clock;
  /** The server with which it shares a secret, and under what; it speaks to no other so. */
  readonly oscore?: { readonly origin: string; readonly context: OscoreContext };
  /** Between two beginnings of an observation, so that no NAT forgets the device. */
  readonly renewMs?: number;
  /** Over CoAP in datagrams: whether blocks go in sets, to servers that understand it (RFC 9177). */
  readonly quick?: boolean;
}

/** A device that is led from server to server by what it is offered keeps the ways to so many. */
const originsMax = 16;

export function roadsTo(options: RoadsOptions): Network {
  const known = new Map<string, Handler>();
  return (origin) => {
    const road = known.get(origin) ?? roadTo(origin, options);
    if (road === undefined) return undefined;
    const [oldest] = known.keys();
    known.delete(origin);
    known.set(origin, road);
    if (known.size > originsMax && oldest !== undefined) known.delete(oldest);
    return road;
  };
}

/** What is sent under the device's own secret; its numbers are kept by the device. */
export const deviceContext = (shared: SharedSecret, numbers: MessageNumbers): OscoreContext =>
  oscoreContext({ ...secretOf(shared, 'device'), store: numbers });

/** Whether its server can push: over CoAP, a device observes. */
export const isPushed = (origin: string): boolean => /^coap(?:\+tcp)?:/.test(origin);

/** Undefined where a device has no such way. */
function roadTo(
  origin: string,
  { tls, clock, oscore, quick = false, ...waiting }: RoadsOptions,
): Handler | undefined {
  const coap = { clock, quick, ...(oscore?.origin === origin ? { oscore: oscore.context } : {}) };
  return clientAt(origin, { http: tls, coap, waiting: { clock, ...waiting } });
}
