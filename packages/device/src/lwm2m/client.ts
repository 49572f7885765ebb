/**
 * A client of LwM2M over datagrams: on one socket it registers with its server and answers it. Whoever else
 * sends anything is not heard.
 */

import type { Clock, Handler, Random } from '@lapel/transport';
import type { Datagrams, Endpoint, OscoreContext, Transmission } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  createEndpoint,
  echoing,
  oscoreClient,
  oscoreServer,
  transmissionDefaults,
} from '@lapel/transport/coap';
import type { ServedObjects } from './serve-objects.ts';

export interface Lwm2mClientOptions {
  readonly datagrams: Datagrams;
  /** The server's address, as the datagrams have it. */
  readonly to: string;
  readonly objects: Pick<ServedObjects, 'handler' | 'subscribe'>;
  /** The secret that is shared with the server; without one, whoever takes its address may trigger. */
  readonly oscore?: OscoreContext;
  readonly transmission?: Partial<Transmission>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onBug: (error: unknown) => void;
}

export interface Lwm2mClient {
  /** The server, as who asks it sees it. */
  readonly server: Handler;
  /** As often as one likes. */
  readonly close: Endpoint['close'];
}

export function lwm2mClient(options: Lwm2mClientOptions): Lwm2mClient {
  const { datagrams, to, objects, oscore, transmission = {}, clock, random, onBug } = options;
  const { handler, subscribe } = objects;
  const secured = blockServer(handler, { clock, onBug, subscribe });
  const respond = oscore === undefined ? secured : oscoreServer({ find: () => oscore, random, secured });
  const endpoint = createEndpoint({
    datagrams: onlyFrom(datagrams, to),
    ...{ clock, random, transmission, respond, onBug },
    // Nobody listens there yet: whoever asks is told by its own waiting.
    onError: () => undefined,
  });
  const carrier = { ask: endpoint.ask(to), watch: endpoint.watch(to), burst: endpoint.burst(to) };
  const { ask } = echoing(oscore === undefined ? carrier : oscoreClient(oscore, carrier));
  const server = blockClient(ask, { random, transmission: { ...transmissionDefaults, ...transmission } });
  let closing: Promise<void> | undefined;
  return { server, close: () => (closing ??= endpoint.close()) };
}

const onlyFrom = (datagrams: Datagrams, server: string): Datagrams => ({
  ...datagrams,
  listen: (onDatagram, onError) =>
    datagrams.listen((bytes, from) => {
      if (from === server) onDatagram(bytes, from);
    }, onError),
});
