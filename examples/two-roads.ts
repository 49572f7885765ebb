/** One release, two roads: a lamp takes it over HTTP, another one over CoAP, with the same result. */

import { httpClient, serveHttp } from '@lapel/transport';
import { coapClient, serveCoap } from '@lapel/transport/coap';
import { openServer, updateLamp } from './parts.ts';

const server = await openServer();
const onBug = console.error;
// A server is a Handler, and each road takes one.
const http = await serveHttp(server.handler, { port: 0, onBug });
const coap = await serveCoap(server.handler, { port: 0, onBug });

await updateLamp('lamp over HTTP', httpClient(http.url), http.url);

const client = coapClient(coap.url);
await updateLamp('lamp over CoAP', client, coap.url);

await client.close();
await coap.close();
await http.close();
await server.close();
