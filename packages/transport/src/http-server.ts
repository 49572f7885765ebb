/**
 * Serves a Handler over HTTP/1.1 by node:http, with a written limit on everything that a client can make
 * last or grow.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { Server as TlsServer, createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Handler } from './exchange.ts';
import type { HttpListener } from './http-listener.ts';
import { httpListener } from './http-listener.ts';
import { makeRoom } from './http-room.ts';
import { systemClock } from './system.ts';
import type { Clock } from './system.ts';

/** For a server of devices. Who needs other limits passes them, and has written them down by doing so. */
export const httpServerLimits = {
  /** A request line, a token, an ETag: 8 KiB is what proxies allow, too. */
  headerBytesMax: 8 * 1024,
  headerCountMax: 64,
  /** A slow header holds a connection and nothing else. */
  headersTimeoutMs: 10_000,
  /** A whole request, upload of an image over a slow line included. */
  requestTimeoutMs: 30 * 60_000,
  /** Silence in the middle of a request or a response, in either direction. */
  idleTimeoutMs: 60_000,
  /** Silence between two requests: devices poll about once a minute, and a handshake is dear to them. */
  keepAliveTimeoutMs: 75_000,
  /**
   * File descriptors are often capped near 20,000; blobs and the database need some, too. One more, and who
   * has owed the rest of a request for longest goes.
   */
  connectionsMax: 16_000,
} as const;

export type HttpServerLimits = { readonly [limit in keyof typeof httpServerLimits]: number };

/** All of them PEM. */
export interface ServeTls {
  /** The server's certificate, and behind it those that lead from it to one that its clients trust. */
  readonly cert: string;
  readonly key: string;
  /** Only who shows a certificate of this authority is served at all. */
  readonly clientCa?: string;
}

export interface ServeHttpOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Local by default: who opens a server to the network says so. */
  readonly host?: string;
  readonly limits?: Partial<HttpServerLimits>;
  readonly clock?: Clock;
  /** Plain HTTP, where it is absent. */
  readonly tls?: ServeTls;
  readonly onBug: (error: unknown) => void;
}

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /**
   * Shows other certificates to who connects from now on; who is connected goes on. Whether clients show one
   * stays as it was. @throws where TLS can't use them, or the server speaks none: nothing has changed then.
   */
  show(tls: ServeTls): void;
  /** Takes no new exchange, and gives those under way `graceMs` to end. */
  close(graceMs?: number): Promise<void>;
}

/** The port is taken. Whoever started us chooses another one, or ends what holds it. */
export class PortInUse extends Error {
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`expected port ${port} to be free, found it in use`, options);
    this.name = 'PortInUse';
    this.port = port;
  }
}

/** @throws {PortInUse} */
export const serveHttp = (handler: Handler, options: ServeHttpOptions): Promise<HttpServer> =>
  serveListener(httpListener(handler, options), options);

/**
 * Serves whatever answers requests of node:http, under the same limits: a Handler beside another framework.
 * @throws {PortInUse}
 */
export async function serveListener(
  listener: HttpListener,
  options: Omit<ServeHttpOptions, 'onBug'>,
): Promise<HttpServer> {
  const { host = '127.0.0.1', clock = systemClock } = options;
  const limits = { ...httpServerLimits, ...options.limits };
  const server = limited(limits, options.tls);
  server.on('request', listener);
  await listening(server, options.port, host);
  const { port } = server.address() as AddressInfo;
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    show(tls) {
      if (!(server instanceof TlsServer)) throw new TypeError('expected a server of TLS, found one without');
      server.setSecureContext(secure(tls, limits));
    },
    close: (graceMs = 2_000) => close(server, clock, graceMs),
  };
}

function limited(limits: HttpServerLimits, tls: ServeTls | undefined): Server {
  const settings = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Node looks for late requests only this often; twice within the shortest timeout keeps them honest.
    connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 2,
  };
  const server =
    tls === undefined ? createServer(settings) : createTlsServer({ ...settings, ...secure(tls, limits) });
  server.maxHeadersCount = limits.headerCountMax;
  makeRoom(server, limits.connectionsMax, tls !== undefined);
  server.timeout = limits.idleTimeoutMs;
  return server;
}

/** RFC 9325 §3.1.1: TLS 1.3, and 1.2 for those that have no other; nothing below. */
const secure = ({ cert, key, clientCa }: ServeTls, limits: HttpServerLimits) => ({
  cert,
  key,
  minVersion: 'TLSv1.2' as const,
  handshakeTimeout: limits.headersTimeoutMs,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
});

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

async function close(server: Server, clock: Clock, graceMs: number): Promise<void> {
  const ended = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      ended.abort();
      resolve();
    });
  });
  server.closeIdleConnections();
  const patience = clock.sleep(graceMs, ended.signal).then(
    () => server.closeAllConnections(),
    () => undefined,
  );
  await Promise.all([closed, patience]);
}
