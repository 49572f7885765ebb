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
import { generateSigningKey } from '@lapel/cose';
import { deviceClass, vendor } from '@lapel/simulator';
import { createTrackerClient } from '@lapel/status-tracker/client';
import type { Handler } from '@lapel/transport';
import { bytesBody, httpClient, request, systemClock, systemRandom } from '@lapel/transport';
import { benchPostgres, databases } from '../../../tools/bench-postgres.ts';
import { onlyBugs } from '../test/only-bugs.ts';
import type { Figure } from '../../../tools/figure.ts';
import type { Load, LoadResult } from '../../../tools/http-load.ts';
import { loadClient, requestBytes } from '../../../tools/http-load.ts';
import { readPlace } from '../src/fleet/place.ts';
import { readToken } from '../src/serve/data-folder.ts';
import type { House } from '../src/serve/house.ts';
import { openHouse } from '../src/serve/house.ts';

type Database = (typeof databases)[number];

export const figures: readonly Figure[] = [
  ...databases.flatMap((database): Figure[] => [
    {
      room: 'status-tracker',
      name: `unchanged polls per second over HTTP, ${database}`,
      unit: '× a bare node:http server with a fixed 200',
      aim: '≥ 0.6',
      atLeast: 0.6,
      measure: () => inHouse(measurePolls, database),
    },
    {
      room: 'status-tracker',
      name: `99 % of unchanged polls at half of that rate, ${database}`,
      unit: 'ms',
      measure: () => inHouse(measureDelay, database),
    },
  ]),
  {
    room: 'firmware-server',
    name: 'payload bytes per second over HTTP',
    unit: '× a file streamed by bare node:http',
    aim: '≥ 0.8',
    atLeast: 0.8,
    measure: () => inHouse(measurePayload),
  },
];

const turns = 4;

async function inHouse(
  measure: (house: House) => Promise<number>,
  database: Database = 'SQLite',
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-bench-'));
  const kept = database === 'SQLite' ? {} : await inPostgres();
  const house = await openHouse({ path: folder, port: 0, log: onlyBugs(fail), ...kept });
  try {
    return await measure(house);
  } finally {
    await house.close();
    await rm(folder, { recursive: true });
  }
}

async function inPostgres() {
  const { url, tenant } = await benchPostgres();
  return { place: readPlace(url, 'the database of the bench'), tenant };
}

/** A registered device whose tracker has nothing new for it, against an answer that is always the same. */
async function measurePolls(house: House): Promise<number> {
  const requests = [await knownPoll(house)];
  const fixed = Buffer.from('ok');
  const bare: RequestListener = (_, outgoing) => {
    outgoing.writeHead(200, { 'content-length': fixed.length });
    outgoing.end(fixed);
  };
  const load = { requests, connections: 16, exchanges: 8_000 };
  return compare(house, bare, load, ({ exchanges, elapsedMs }) => exchanges / elapsedMs);
}

/** How long the slowest percent waits, where half as many ask as could be answered. */
async function measureDelay(house: House): Promise<number> {
  const port = Number(new URL(house.url).port);
  const load: Load = { port, requests: [await knownPoll(house)], connections: 64, exchanges: 8_000 };
  const client = loadClient();
  try {
    await client.ask(load);
    const { exchanges, elapsedMs } = await client.ask(load);
    return (await client.ask({ ...load, perSecond: (500 * exchanges) / elapsedMs })).p99Ms;
  } finally {
    await client.close();
  }
}

/** Registers a device with a real client, and looks at what it sends when it polls. */
async function knownPoll(house: House): Promise<Uint8Array> {
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
  const { authorization, etag } = known;
  return requestBytes('GET /offers/lamp', { authorization, 'if-none-match': `"${etag}"` });
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
  const load = { requests: [requestBytes(`GET /payloads/${digest}`, {})], connections: 2, exchanges: 4 };
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
  const client = loadClient();
  try {
    const sums = [0, 0];
    for (let turn = 0; turn <= turns; turn++) {
      for (const [index, port] of ports.entries()) {
        const result = await client.ask({ ...load, port });
        if (turn > 0) sums[index] = (sums[index] ?? 0) + rate(result);
      }
    }
    return (sums[0] ?? 0) / (sums[1] ?? 1);
  } finally {
    await client.close();
    other.closeAllConnections();
    other.close();
  }
}

function fail(error: unknown): never {
  throw error;
}
