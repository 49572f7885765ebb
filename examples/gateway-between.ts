/** A gateway between a server and three lamps: the image comes from upstream once, and nobody trusts it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGateway } from '@lapel/gateway';
import { httpClient, serveHttp } from '@lapel/transport';
import { openServer, updateLamp } from './parts.ts';

const server = await openServer();
const onBug = console.error;
const origin = await serveHttp(server.handler, { port: 0, onBug });

const folder = await mkdtemp(join(tmpdir(), 'lapel-example-'));
const upstreams = [{ name: origin.url, handler: httpClient(origin.url) }];
const gateway = await openGateway({ folder, upstreams, onBug, onNotice: console.error });
const near = await serveHttp(gateway.handler, { port: 0, onBug });

// All that the lamps know is the gateway; what they install is what the author has signed.
const lamps = ['hall', 'stairs', 'cellar'];
await Promise.all(lamps.map((lamp) => updateLamp(lamp, httpClient(near.url), near.url)));
const { transfers, hits, misses } = gateway.standing().cache;
console.log(`${lamps.length} lamps, ${transfers} transfer from upstream; asked for ${hits + misses} times`);

await near.close();
await gateway.close();
await origin.close();
await server.close();
await rm(folder, { recursive: true });
