/**
 * Speed of the house over HTTP, against bare node:http in the same process, asked by the same client in
 * turns. What devices do all day long is to ask whether there is something new; what costs bandwidth is the
 * payload.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { generateSigningKey } from '@lapel/cose';
import { deviceClass, vendor } from '@lapel/simulator';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler } from '@lapel/transport';
import { bytesBody, httpClient, request, systemClock, systemRandom } from '@lapel/transport';
import type { Figure } from '../../../tools/figure.ts';
import { readToken } from '../src/serve/data-folder.ts';
import type { House } from '../src/serve/house.ts';
import { openHouse } from '../src/serve/house.ts';
import type { Load, LoadResult } from './http-load.ts';

export const figures: readonly Figure[] = [
  {
    room: 'status-tracker',
    name: 'unchanged polls per second over HTTP',
    unit: '× a bare node:http server with a fixed 200',
    aim: '≥ 0.5',
    atLeast: 0.5,
    measure: () => inHouse(measurePolls),
  },
  {
    room: 'firmware-server',
    name: 'payload bytes per second over HTTP',
    unit: '× a file streamed by bare node:http',
    aim: '≥ 0.8',
    atLeast: 0.8,
    measure: () => inHouse(measurePayload),
  },
];

const turns = 6;

async function inHouse(measure: (house: House) => Promise<number>): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  const house = await openHouse({ path: folder, port: 0, onBug: fail, onNotice: fail });
  try {
    return await measure(house);
  } finally {
    await house.close();
    await rm(folder, { recursive: true });
  }
}

/** A registered device whose tracker has nothing new for it, against an answer that is always the same. */
async function measurePolls(house: House): Promise<number> {
  const { authorization, etag } = await knownPoll(house);
  const fixed = Buffer.from('ok');
  const bare: RequestListener = (_, outgoing) => {
    outgoing.writeHead(200, { 'content-length': fixed.length });
    outgoing.end(fixed);
  };
  const lines = [
    `GET /offers/lamp HTTP/1.1`,
    'host: x',
    `authorization: ${authorization}`,
    `if-none-match: "${etag}"`,
  ];
  const load = { head: `${lines.join('\r\n')}\r\n\r\n`, connections: 16, exchanges: 500 };
  return compare(house, bare, load, ({ exchanges, elapsedMs }) => exchanges / elapsedMs);
}

/** Registers a device with a real client, and looks at what it sends when it polls. */
async function knownPoll(house: House): Promise<{ readonly authorization: string; readonly etag: string }> {
  const key = generateSigningKey('P-256');
  const device = { id: 'lamp', key: key.public, vendor, class: deviceClass('lamp') };
  await house.tracker.desk.provision(device, 'bench');
  const upstream = httpClient(house.url);
  const known = { authorization: '', etag: '' };
  const handler: Handler = async (asked) => {
    const response = await upstream(asked);
    known.authorization = asked.headers['authorization'] ?? known.authorization;
    known.etag = response.etag ?? known.etag;
    return response;
  };
  const client = createTrackerClient({
    handler,
    device: 'lamp',
    key,
    trackerKey: house.folder.trackerKey.public,
    vendor,
    class: device.class,
    clock: systemClock,
    random: systemRandom,
  });
  await client.poll();
  return known;
}

const payloadBytes = 32 * 1024 * 1024;

async function measurePayload(house: House): Promise<number> {
  const payload = randomBytes(payloadBytes);
  const digest = createHash('sha256').update(payload).digest('hex');
  const headers = { authorization: `Bearer ${await readToken(house.folder, 'author')}` };
  await httpClient(house.url)(request('PUT', `/payloads/${digest}`, { headers, body: bytesBody(payload) }));
  const file = join(house.folder.firmware, 'blobs', 'sha256', digest.slice(0, 2), digest.slice(2));
  const bare: RequestListener = (_, outgoing) => {
    outgoing.writeHead(200, { 'content-length': payloadBytes });
    createReadStream(file).pipe(outgoing);
  };
  const load = { head: `GET /payloads/${digest} HTTP/1.1\r\nhost: x\r\n\r\n`, connections: 2, exchanges: 2 };
  return compare(house, bare, load, ({ bodyBytes, elapsedMs }) => bodyBytes / elapsedMs);
}

/**
 * The ratio of two rates, over turns in which both are asked for the same; the first turn only warms both
 * up.
 */
async function compare(
  house: House,
  bare: RequestListener,
  load: Omit<Load, 'port'>,
  rate: (result: LoadResult) => number,
): Promise<number> {
  const other = createServer(bare).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const ports = [Number(new URL(house.url).port), (other.address() as AddressInfo).port] as const;
  const client = new Worker(new URL('./http-load.ts', import.meta.url));
  try {
    const sums = [0, 0];
    for (let turn = 0; turn <= turns; turn++) {
      for (const [index, port] of ports.entries()) {
        client.postMessage({ ...load, port } satisfies Load);
        const [result] = (await once(client, 'message')) as [LoadResult];
        if (turn > 0) sums[index] = (sums[index] ?? 0) + rate(result);
      }
    }
    return (sums[0] ?? 0) / (sums[1] ?? 1);
  } finally {
    await client.terminate();
    other.closeAllConnections();
    other.close();
  }
}

function fail(error: unknown): never {
  throw error;
}
