/**
 * Every way that a device on this machine has to an origin: HTTP, HTTPS, CoAP over UDP and over TCP. Whatever
 * the scheme, the manifest is what is trusted, not the server.
 */

import type { Network } from '@lapel/device';
import type { Clock, Handler, HttpClientOptions } from '@lapel/transport';
import { httpClient } from '@lapel/transport';
import type { CoapClientOptions } from '@lapel/transport/coap';
import { coapClient, coapTcpClient, waitByObserving } from '@lapel/transport/coap';

export interface RoadsOptions {
  /** How servers are proved over HTTPS, and the device to them. */
  readonly tls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
  readonly clock: Clock;
  /** Between two beginnings of an observation, so that no NAT forgets the device. */
  readonly renewMs?: number;
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

/** Whether its server can push: over CoAP, a device observes. */
export const isPushed = (origin: string): boolean => /^coap(?:\+tcp)?:/.test(origin);

/** Undefined where a device has no such way. */
function roadTo(origin: string, { tls, clock, ...waiting }: RoadsOptions): Handler | undefined {
  const options: CoapClientOptions = { clock };
  switch (new URL(origin).protocol) {
    case 'http:':
    case 'https:':
      return httpClient(origin, tls);
    case 'coap:':
      return waitByObserving(coapClient(origin, options), { clock, ...waiting });
    case 'coap+tcp:':
      return waitByObserving(coapTcpClient(origin, options), { clock, ...waiting });
    default:
      return undefined;
  }
}
