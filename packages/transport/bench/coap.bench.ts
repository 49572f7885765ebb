/**
 * CoAP on loopback: our server against libcoap's, in C, with the same client of ours; polls in a second; and
 * what a poll that finds nothing new costs on the air.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Handler } from '@lapel/transport';
import { bytesBody, collect, request, systemClock, systemRandom } from '@lapel/transport';
import type { CoapClient, Datagrams } from '@lapel/transport/coap';
import {
  blockClient,
  blockServer,
  coapClient,
  createEndpoint,
  echoing,
  oscoreClient,
  oscoreContext,
  oscoreServer,
  serveCoap,
} from '@lapel/transport/coap';
import { createServer } from 'coap';
import type { Figure } from '../../../tools/figure.ts';

const room = 'transport';
const imageBytes = 1024 * 1024;
const image = new Uint8Array(randomBytes(imageBytes));
const program = 'coap-server-notls';
const hasLibcoap = spawnSync(program, ['-V'], { stdio: 'ignore' }).error === undefined;
const onBug = (error: unknown): never => {
  throw error;
};

const handler: Handler = async ({ range, ifNoneMatch }) => {
  const common = { etag: 'ab'.repeat(32), contentType: 'application/octet-stream' } as const;
  if (ifNoneMatch === common.etag) return { ...common, status: 'valid', body: bytesBody(new Uint8Array(0)) };
  if (range === undefined) return { ...common, status: 'ok', size: imageBytes, body: bytesBody(image) };
  const part = image.subarray(range.start, (range.end ?? imageBytes - 1) + 1);
  const total = { start: range.start, total: imageBytes };
  return { ...common, status: 'partial', size: part.length, range: total, body: bytesBody(part) };
};

/** Megabytes in a second that so many clients fetch together, each so many times. */
async function rate(url: string, clients: number, times = 1): Promise<number> {
  const all = Array.from({ length: clients }, () => coapClient(url));
  await Promise.all(all.map((client) => client(request('GET', '/image', { range: { start: 0, end: 15 } }))));
  const startMs = systemClock.monotonicMs();
  for (let count = 0; count < times; count++) await Promise.all(all.map(fetchOne));
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  await Promise.all(all.map((client) => client.close()));
  return (clients * times) / seconds;
}

async function fetchOne(client: CoapClient): Promise<void> {
  const { body } = await client(request('GET', '/image'));
  const { length } = await collect(body, imageBytes);
  if (length !== imageBytes) throw new RangeError(`expected ${imageBytes} bytes, found ${length}`);
}

async function withOurs<T>(act: (url: string) => Promise<T>): Promise<T> {
  const server = await serveCoap(handler, { port: 0, onBug });
  try {
    return await act(server.url);
  } finally {
    await server.close();
  }
}

const port = 56_830;

async function withLibcoap<T>(act: (url: string) => Promise<T>): Promise<T> {
  const child = spawn(program, ['-A', '127.0.0.1', '-p', String(port), '-d', '10'], { stdio: 'ignore' });
  const client = coapClient(`coap://127.0.0.1:${port}`);
  try {
    for (let left = 50; left > 0; left--) {
      await systemClock.sleep(50);
      if (await client(request('GET', '/')).catch(() => undefined)) break;
    }
    await client(request('PUT', '/image', { body: bytesBody(image) }));
    return await act(`coap://127.0.0.1:${port}`);
  } finally {
    await client.close();
    child.kill();
  }
}

async function withNpm<T>(act: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => response.end(image));
  await new Promise<void>((resolve) => server.listen(port + 1, () => resolve()));
  try {
    return await act(`coap://127.0.0.1:${port + 1}`);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** Polls that find nothing new, in a second, by so many clients at once. */
async function polls(clients: number): Promise<number> {
  const each = 2_000;
  return withOurs(async (url) => {
    const all = Array.from({ length: clients }, () => coapClient(url));
    const poll = request('GET', '/offers/lamp-1', { ifNoneMatch: 'ab'.repeat(32) });
    await Promise.all(all.map((client) => client(poll)));
    const startMs = systemClock.monotonicMs();
    await Promise.all(
      all.map(async (client) => {
        for (let count = 0; count < each; count++) await client(poll);
      }),
    );
    const seconds = (systemClock.monotonicMs() - startMs) / 1000;
    await Promise.all(all.map((client) => client.close()));
    return (clients * each) / seconds;
  });
}

/** Both ways together, under OSCORE, without what IP and UDP add. */
async function pollBytes(): Promise<number> {
  let counted = 0;
  const listeners = new Map<string, (bytes: Uint8Array, from: string) => void>();
  const open = (address: string): Datagrams => ({
    send(bytes, to) {
      counted += bytes.length;
      setImmediate(() => listeners.get(to)?.(bytes, address));
    },
    listen: (onDatagram) => void listeners.set(address, onDatagram),
    close: async () => void listeners.delete(address),
  });
  const common = { clock: systemClock, random: systemRandom, onBug };
  const [masterSecret, a, b] = [systemRandom.bytes(16), Uint8Array.of(1), Uint8Array.of(2)];
  const store = () => {
    let taken = 0;
    return { take: async (count: number) => (taken += count) - count };
  };
  const server = oscoreContext({ masterSecret, senderId: a, recipientId: b, store: store() });
  const secured = blockServer(handler, common);
  const respond = oscoreServer({ find: () => server, random: systemRandom, secured });
  const endpoints = [
    createEndpoint({ ...common, datagrams: open('server'), respond }),
    createEndpoint({ ...common, datagrams: open('client') }),
  ] as const;
  const own = oscoreContext({ masterSecret, senderId: b, recipientId: a, store: store() });
  const carrier = { ask: endpoints[1].ask('server'), watch: endpoints[1].watch('server') };
  const client = blockClient(echoing(oscoreClient(own, carrier)).ask, common);
  // As a device polls: under its name, which the secret proves.
  const poll = request('GET', '/offers/lamp-1', { ifNoneMatch: 'ab'.repeat(32) });
  await client(poll);
  counted = 0;
  const { status } = await client(poll);
  if (status !== 'valid') throw new Error(`expected nothing new, found ${status}`);
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  return counted;
}

const against = async (clients: number): Promise<number> => {
  const ours = await withOurs((url) => rate(url, clients));
  return ours / (await withLibcoap((url) => rate(url, clients)));
};

/** Ours is done in a moment, so that one fetch would measure whatever else the machine does in it. */
const againstNpm = async (): Promise<number> => {
  const ours = await withOurs((url) => rate(url, 1, 10));
  return ours / (await withNpm((url) => rate(url, 1)));
};

export const figures: readonly Figure[] = [
  {
    room,
    name: 'CoAP polls that find nothing new, 8 clients in the same process',
    unit: 'polls/s',
    measure: () => polls(8),
  },
  {
    room,
    name: 'a megabyte in blocks of 1024 over CoAP on loopback',
    unit: 'MB/s',
    measure: () => withOurs((url) => rate(url, 1)),
  },
  {
    room,
    name: 'bytes on the air for a poll that finds nothing new, with OSCORE',
    unit: 'bytes',
    aim: '≤ 150',
    atMost: 150,
    measure: pollBytes,
  },
  ...(hasLibcoap
    ? [
        {
          room,
          name: 'a megabyte in blocks over CoAP, in lock-step',
          unit: '× libcoap in C with the same client',
          aim: '≥ 0.3',
          atLeast: 0.3,
          measure: () => against(1),
        },
        {
          room,
          name: 'a megabyte in blocks over CoAP, 32 clients at once',
          unit: '× libcoap in C with the same clients',
          aim: '≥ 0.5',
          atLeast: 0.5,
          measure: () => against(32),
        },
      ]
    : []),
  {
    room,
    name: 'a megabyte in blocks over CoAP, against another in JavaScript',
    unit: '× the package coap of npm with the same client',
    aim: '≥ 10',
    atLeast: 10,
    measure: againstNpm,
  },
];
