/**
 * Speed of HTTP, against a bare node:http server in the same process, asked by the same client in turns.
 * What devices do all day long is to ask whether there is something new; what costs bandwidth is the
 * payload.
 */
import { createHash, hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Handler, Peer } from '@lapel/transport';
import { bearer, bytesBody, emptyBody, httpListener, request, routes } from '@lapel/transport';
import type { Figure } from '../../../tools/figure.ts';
import type { Load, LoadResult } from './http-load.ts';

export const figures: readonly Figure[] = [
  {
    room: 'firmware-server',
    name: 'unchanged polls per second over HTTP',
    unit: '× a bare node:http server with a fixed 200',
    aim: '≥ 0.5',
    atLeast: 0.5,
    measure: measurePolls,
  },
  {
    room: 'firmware-server',
    name: 'payload bytes per second over HTTP',
    unit: '× a file streamed by bare node:http',
    aim: '≥ 0.8',
    atLeast: 0.8,
    measure: measurePayload,
  },
];

const turns = 6;

async function measurePolls(): Promise<number> {
  const ours = httpListener(polled(), { onBug: fail });
  const fixed = Buffer.from('ok');
  const bare: RequestListener = (_, outgoing) => {
    outgoing.writeHead(200, { 'content-length': fixed.length });
    outgoing.end(fixed);
  };
  const head =
    'GET /offers/lamp HTTP/1.1\r\nhost: x\r\nauthorization: Bearer 01234567\r\nif-none-match: "v7"\r\n\r\n';
  return compare(
    ours,
    bare,
    { head, connections: 16, exchanges: 500 },
    ({ exchanges, elapsedMs }) => exchanges / elapsedMs,
  );
}

/** What answers a device that polls: its token is looked up by hash, and nothing is new. */
function polled(): Handler {
  const lamp: Peer = { id: 'lamp', roles: ['device'] };
  const peersByTokenHash = new Map([[hash('sha256', '01234567'), lamp]]);
  const table = routes(
    {
      'GET /offers/{device}': async ({ ifNoneMatch, peer }, { device }) => {
        if (peer?.id !== device) return { status: 'forbidden', body: emptyBody };
        if (ifNoneMatch === 'v7') return { status: 'valid', etag: 'v7', body: emptyBody };
        return { status: 'ok', etag: 'v7', body: bytesBody(randomBytes(100)) };
      },
    },
    { onBug: fail },
  );
  return bearer(table, (token) => peersByTokenHash.get(hash('sha256', token)));
}

const payloadBytes = 32 * 1024 * 1024;

async function measurePayload(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  try {
    const payload = randomBytes(payloadBytes);
    const digest = createHash('sha256').update(payload).digest('hex');
    const server = await createFirmwareServer({ folder, trustAnchors: [], onBug: fail, onRefused: fail });
    const peer: Peer = { id: 'author-1', roles: ['author'] };
    await server.handler(request('PUT', `/payloads/${digest}`, { peer, body: bytesBody(payload) }));
    const file = join(folder, 'blobs', 'sha256', digest.slice(0, 2), digest.slice(2));
    const bare: RequestListener = (_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': payloadBytes });
      createReadStream(file).pipe(outgoing);
    };
    const ours = httpListener(server.handler, { onBug: fail });
    const load = {
      head: `GET /payloads/${digest} HTTP/1.1\r\nhost: x\r\n\r\n`,
      connections: 2,
      exchanges: 2,
    };
    return await compare(ours, bare, load, ({ bodyBytes, elapsedMs }) => bodyBytes / elapsedMs);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The ratio of two rates, over turns in which both are asked for the same; the first turn only warms both
 * up.
 */
async function compare(
  ours: RequestListener,
  bare: RequestListener,
  load: Omit<Load, 'port'>,
  rate: (result: LoadResult) => number,
): Promise<number> {
  const servers = [await listening(ours), await listening(bare)] as const;
  const client = new Worker(new URL('./http-load.ts', import.meta.url));
  try {
    const sums = [0, 0];
    for (let turn = 0; turn <= turns; turn++) {
      for (const [index, server] of servers.entries()) {
        const { port } = server.address() as AddressInfo;
        client.postMessage({ ...load, port } satisfies Load);
        const [result] = (await once(client, 'message')) as [LoadResult];
        if (turn > 0) sums[index] = (sums[index] ?? 0) + rate(result);
      }
    }
    return (sums[0] ?? 0) / (sums[1] ?? 1);
  } finally {
    await client.terminate();
    for (const server of servers) server.close();
  }
}

async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function fail(error: unknown): never {
  throw new Error('expected no failure while measuring, found one', { cause: error });
}
