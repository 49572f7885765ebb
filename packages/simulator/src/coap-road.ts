/**
 * CoAP over a link of datagrams in made time, as a way from a device to its servers: what it asks arrives as
 * often as the weather allows, and what it waits for it observes.
 */

import type { Clock, Handler, Random } from '@lapel/transport';
import type { OscoreContext, Transmission } from '@lapel/transport/coap';
import {
  coapClientOver,
  observedOnce,
  serveCoapOver,
  subscribeByWaiting,
  waitByObserving,
} from '@lapel/transport/coap';
import type { DatagramLink } from './datagram-link.ts';
import { onBug } from './flow-parties.ts';

export interface CoapRoadPlan {
  readonly clock: Clock;
  readonly random: Random;
  /** The servers are at `server` on it. */
  readonly link: DatagramLink;
  /** From where the device speaks, where it is not the same. */
  readonly inside?: DatagramLink;
  readonly transmission?: Partial<Transmission>;
  readonly renewMs?: number;
  /** Whether the device asks for blocks in sets (RFC 9177). */
  readonly quick?: boolean;
  /** Both sides of the secret that device and servers share. */
  readonly oscore?: { readonly device: OscoreContext; readonly server: OscoreContext };
}

export interface CoapRoad {
  readonly handler: Handler;
  close(): Promise<void>;
}

export function coapRoad(upstream: Handler, plan: CoapRoadPlan): CoapRoad {
  const { clock, random, link, inside = link, oscore, renewMs, quick = false, transmission = {} } = plan;
  const common = { clock, random, transmission };
  const isObservable = (path: string): boolean => path.startsWith('/offers/');
  const server = serveCoapOver(link.open('server'), upstream, {
    ...common,
    subscribe: observedOnce(subscribeByWaiting(upstream, clock, isObservable)),
    ...(oscore === undefined ? {} : { oscore: () => oscore.server }),
    onBug,
  });
  const { endpoint, handler, subscribe } = coapClientOver(inside.open('device'), 'server', {
    ...common,
    quick,
    ...(oscore === undefined ? {} : { oscore: oscore.device }),
  });
  const client = Object.assign((asked: Parameters<Handler>[0]) => handler(asked), { subscribe });
  return {
    handler: waitByObserving(client, { clock, ...(renewMs === undefined ? {} : { renewMs }) }),
    close: async () => void (await Promise.all([server.close(), endpoint.close()])),
  };
}
