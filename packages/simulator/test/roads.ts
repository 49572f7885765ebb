/** Every road that there is between a device and its servers, each over real sockets. */
import type { TestContext } from 'node:test';
import type { Handler } from '@lapel/transport';
import { httpClient, serveHttp } from '@lapel/transport';
import type { OscoreContextOptions, SequenceStore } from '@lapel/transport/coap';
import { coapClient, coapTcpClient, oscoreContext, serveCoap, serveCoapTcp } from '@lapel/transport/coap';
import { onBug } from '../src/flow-parties.ts';

export interface Road {
  readonly name: string;
  carry(context: TestContext, server: Handler): Promise<Handler>;
}

export const roads: readonly Road[] = [
  {
    name: 'HTTP',
    async carry(context, handler) {
      const server = await serveHttp(handler, { port: 0, onBug });
      context.after(() => server.close(0));
      return httpClient(server.url);
    },
  },
  {
    name: 'CoAP',
    async carry(context, handler) {
      const server = await serveCoap(handler, { port: 0, onBug });
      const client = coapClient(server.url);
      context.after(() => Promise.all([client.close(), server.close()]));
      return client;
    },
  },
  {
    name: 'CoAP in blocks of 64 bytes',
    async carry(context, handler) {
      const server = await serveCoap(handler, { port: 0, onBug });
      const client = coapClient(server.url, { szx: 2 });
      context.after(() => Promise.all([client.close(), server.close()]));
      return client;
    },
  },
  {
    name: 'CoAP over TCP',
    async carry(context, handler) {
      const server = await serveCoapTcp(handler, { port: 0, onBug });
      const client = coapTcpClient(server.url);
      context.after(() => Promise.all([client.close(), server.close()]));
      return client;
    },
  },
  {
    name: 'OSCORE',
    async carry(context, handler) {
      const [device, house] = [Uint8Array.of(1), Uint8Array.of(2)];
      const own = contextFor(house, device);
      const server = await serveCoap(handler, { port: 0, oscore: () => own, onBug });
      const client = coapClient(server.url, { oscore: contextFor(device, house) });
      context.after(() => Promise.all([client.close(), server.close()]));
      return client;
    },
  },
];

const masterSecret = crypto.getRandomValues(new Uint8Array(16));

/** Both sides live as long as the test: what they promised need not outlive it. */
function contextFor(senderId: Uint8Array, recipientId: Uint8Array) {
  let kept = 0;
  const store: SequenceStore = { take: async (count) => (kept += count) - count };
  const options: OscoreContextOptions = { masterSecret, senderId, recipientId, store };
  return oscoreContext(options);
}
