/** Two hundred devices that want one megabyte at once, through a gateway and without one. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digest } from '@lapel/cose';
import { createFirmwareServer } from '@lapel/firmware-server';
import { openGateway } from '@lapel/gateway';
import type { Handler } from '@lapel/transport';
import { bytesBody, httpClient, request, serveHttp, systemClock } from '@lapel/transport';
import type { Figure } from '../../../tools/figure.ts';

const room = 'gateway';
const devices = 200;
const image = new Uint8Array(randomBytes(1024 * 1024));
const path = `/payloads/${Buffer.from(digest('sha-256', image)).toString('hex')}`;

const onBug = (error: unknown): never => {
  throw error;
};

interface Measured {
  readonly fromUpstream: number;
  readonly throughMs: number;
  readonly directMs: number;
}

async function measure(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-gateway-'));
  const firmware = await createFirmwareServer({
    folder: join(folder, 'origin'),
    trustAnchors: [],
    onBug,
    onRefused: onBug,
  });
  const peer = { id: 'author', roles: ['author'] };
  await firmware.handler(request('PUT', path, { peer, body: bytesBody(image) }));
  let asked = 0;
  const counting: Handler = (each) => {
    asked += 1;
    return firmware.handler(each);
  };
  const origin = await serveHttp(counting, { port: 0, onBug });
  const gateway = await openGateway({
    folder: join(folder, 'gateway'),
    upstreams: [{ name: origin.url, handler: httpClient(origin.url) }],
    onNotice: onBug,
    onBug,
  });
  const near = await serveHttp(gateway.handler, { port: 0, onBug });
  try {
    const throughMs = await fetchAll(near.url);
    const fromUpstream = asked;
    const directMs = await fetchAll(origin.url);
    return { fromUpstream, throughMs, directMs };
  } finally {
    await near.close(0);
    await gateway.close();
    await origin.close(0);
    await rm(folder, { recursive: true });
  }
}

async function fetchAll(url: string): Promise<number> {
  const client = httpClient(url, { maxSockets: devices });
  const startMs = systemClock.monotonicMs();
  await Promise.all(Array.from({ length: devices }, () => fetchOne(client)));
  return systemClock.monotonicMs() - startMs;
}

async function fetchOne(client: Handler): Promise<void> {
  let found = 0;
  for await (const chunk of (await client(request('GET', path))).body) found += chunk.length;
  if (found !== image.length) throw new RangeError(`expected ${image.length} bytes, found ${found}`);
}

export const figures: readonly Figure[] = [
  {
    room,
    name: 'transfers from upstream for 200 devices that ask at once',
    unit: 'transfers',
    aim: '1',
    atMost: 1,
    measure: async () => (await measure()).fromUpstream,
  },
  {
    room,
    name: '200 devices fetch a megabyte each through a gateway that has nothing yet',
    unit: '× straight from the origin on the same machine',
    measure: async () => {
      const { throughMs, directMs } = await measure();
      return throughMs / directMs;
    },
  },
];
