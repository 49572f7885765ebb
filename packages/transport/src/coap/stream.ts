/**
 * CoAP over TCP (RFC 8323): a Handler behind a port, and a server as a Handler, where UDP does not get
 * through.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Handler, Request, Response } from '../exchange.ts';
import { PortInUse } from '../http-server.ts';
import { systemClock, systemRandom } from '../system.ts';
import { TransportError } from '../transport-error.ts';
import { blockClient } from './block-client.ts';
import { blockServer } from './block-server.ts';
import type { CoapClient, CoapClientOptions } from './coap-client.ts';
import type { CoapServer, ServeCoapOptions } from './coap-server.ts';
import { securedBy } from './coap-server.ts';
import type { Content } from './message.ts';
import { toTransportError } from '../network-error.ts';
import { serverAt } from './server-url.ts';
import { subscribing } from './observe-client.ts';
import { patiently } from './patiently.ts';
import { oscoreClient } from './oscore.ts';
import { echoing } from './proof-of-address.ts';
import type { StreamConnection } from './stream-connection.ts';
import { streamConnection } from './stream-connection.ts';
import { transmissionDefaults } from './transmission.ts';
import { addressText } from './udp.ts';

export const coapTcpLimits = {
  /** Of one connection, served at once; the rest waits in the stream. */
  requestsMax: 32,
  /** Answers that a client does not take; then nothing more of it is read. */
  unsentBytesMax: 256 * 1024,
  connectionsMax: 16_000,
  /** A connection on which nothing is said at all. */
  idleMsMax: 10 * 60_000,
} as const;

export type ServeCoapTcpOptions = Omit<ServeCoapOptions, 'transmission' | 'groups'>;

/** @throws {PortInUse} */
export async function serveCoapTcp(handler: Handler, options: ServeCoapTcpOptions): Promise<CoapServer> {
  const { port, host = '127.0.0.1', clock = systemClock, random = systemRandom, onBug } = options;
  const { limits = {}, subscribe, proxy } = options;
  const observed = { ...(subscribe && { subscribe }), ...(proxy && { proxy }) };
  const plain = blockServer(handler, { clock, limits, onBug, ...observed });
  const respond = securedBy(options, random, { secured: plain, plain });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const key = addressText(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    const connection: StreamConnection = streamConnection({
      stream: streamOf(socket),
      key,
      clock,
      random,
      respond,
      onBug,
      onAnswered: () => pace(socket, connection),
    });
    socket.on('data', (bytes: Buffer) => {
      connection.receive(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
      pace(socket, connection);
    });
    socket.on('drain', () => pace(socket, connection));
    ending(socket, connection);
  });
  server.maxConnections = coapTcpLimits.connectionsMax;
  await listening(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `coap+tcp://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Reads on only while there is room for what the answers weigh. */
function pace(socket: Socket, connection: StreamConnection): void {
  const { requestsMax, unsentBytesMax } = coapTcpLimits;
  if (connection.underWay >= requestsMax || socket.writableLength > unsentBytesMax) socket.pause();
  else if (socket.isPaused()) socket.resume();
}

const streamOf = (socket: Socket) => ({
  send: (bytes: Uint8Array) => void socket.write(bytes),
  close: () => void socket.end(),
});

function ending(socket: Socket, connection: StreamConnection): void {
  socket.setNoDelay(true);
  socket.setTimeout(coapTcpLimits.idleMsMax, () => socket.destroy());
  socket.on('error', (error) => connection.end(toTransportError(error)));
  socket.on('close', () =>
    connection.end(new TransportError('no-answer', 'expected an answer, found the end of the connection')),
  );
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortInUse(port, { cause: error }) : error);
    });
    server.listen({ port, host }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

/** A stream that is there and says nothing: as long as over UDP, where the answer was announced. */
const { answerMsMax } = transmissionDefaults;

/** @param baseUrl what paths are appended to, such as `coap+tcp://localhost` */
export function coapTcpClient(
  baseUrl: string | URL,
  options: Omit<CoapClientOptions, 'transmission' | 'quick'> = {},
): CoapClient {
  const { clock = systemClock, random = systemRandom, oscore, szx, origin } = options;
  const { host, port, prefixed } = serverAt(baseUrl, 'coap+tcp:', origin);
  let opened: Promise<{ socket: Socket; connection: StreamConnection }> | undefined;

  /** One connection for all; a new one where it has ended. */
  const current = () => {
    if (opened !== undefined) return opened;
    const mine = open(host, port).then((socket) => {
      // A connection that waits for nothing must not keep a process alive; who waits has the clock's timer.
      socket.unref();
      const stream = streamOf(socket);
      const onBug = (error: unknown) => socket.destroy(error as Error);
      const connection = streamConnection({ stream, key: host, clock, random, onBug });
      socket.on('data', (bytes: Buffer) =>
        connection.receive(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)),
      );
      socket.on('close', () => forget(mine));
      ending(socket, connection);
      connected = connection;
      return { socket, connection };
    });
    opened = mine;
    mine.catch(() => forget(mine));
    return mine;
  };
  const forget = (which: typeof opened) => void (opened = opened === which ? undefined : opened);
  /** A NAT that has forgotten a connection tells nobody: who is silent for long is asked on another one. */
  const answered = <T>(
    signal: AbortSignal,
    act: (on: StreamConnection, until: AbortSignal) => Promise<T>,
  ) => {
    const used = current();
    const acting = patiently(clock, answerMsMax, signal, async (until) =>
      act((await used).connection, until),
    );
    acting.catch(async (error: unknown) => {
      if (!(error instanceof TransportError) || error.kind !== 'no-answer') return;
      forget(used);
      (await used.catch(() => undefined))?.socket.destroy();
    });
    return acting;
  };
  const carrier = {
    ask: (request: Content, signal: AbortSignal) =>
      answered(signal, (connection, until) => connection.ask(request, until)),
    async *watch(request: Content, signal: AbortSignal) {
      const { source, first } = await answered(signal, async (connection, until) => {
        const begun = connection.watch(request, until)[Symbol.asyncIterator]();
        return { source: begun, first: await begun.next() };
      });
      try {
        for (let read = first; read.done !== true; read = await source.next()) yield read.value;
      } finally {
        await source.return?.();
      }
    },
  };
  const { ask, watch } = echoing(oscore === undefined ? carrier : oscoreClient(oscore, carrier));
  const behind = origin === undefined ? undefined : new URL(origin);
  let connected: StreamConnection | undefined;
  const bertBytes = () => connected?.bertBytes;
  const blocks = { random, bertBytes, origin: behind, ...(szx === undefined ? {} : { szx }) };
  const handler = blockClient(ask, blocks);
  const subscribe = subscribing(watch, ask, blocks);
  return Object.assign((request: Request) => handler(prefixed(request)), {
    subscribe: (request: Request): AsyncIterable<Response> => subscribe(prefixed(request)),
    async close() {
      const open = await opened?.catch(() => undefined);
      open?.socket.destroy();
    },
  });
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (error: Error) => reject(toTransportError(error));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
