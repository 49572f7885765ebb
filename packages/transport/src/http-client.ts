/** A server across HTTP/1.1, as a Handler: by node:http(s) with kept connections, failures told by kind. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import { bytesBody, collect, emptyBody, wholeBytes } from './body.ts';
import type { Body, Handler, Request, Response } from './exchange.ts';
import { formatEntityTag, formatRange, readContentRange, readEntityTag, readTotal } from './http-fields.ts';
import { httpToStatus } from './http-status.ts';
import { formatTarget } from './http-target.ts';
import { toTransportError } from './network-error.ts';
import { pump } from './pump.ts';
import { TransportError } from './transport-error.ts';

export interface HttpClientOptions {
  /**
   * Silence after which the other side counts as gone: while connecting, before the answer, within its
   * body.
   */
  readonly timeoutMs?: number;
  /** Connections at once; further requests wait for one. */
  readonly maxSockets?: number;
  /** Certificates (PEM) to trust instead of the system's own. */
  readonly ca?: string | readonly string[];
  /** What the client shows to a server that asks who it is: a certificate and its key (PEM). */
  readonly cert?: string;
  readonly key?: string;
  /** Finds the address of a name, where the system's word for it is not enough. */
  readonly lookup?: LookupFunction;
}

export const httpClientDefaults = { timeoutMs: 30_000, maxSockets: 16, headerBytesMax: 16 * 1024 } as const;

/** @param baseUrl what paths are appended to, such as `http://localhost:8080` */
export function httpClient(baseUrl: string | URL, options: HttpClientOptions = {}): Handler {
  const base = new URL(baseUrl);
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new TypeError(`expected a URL with http: or https:, found ${base.protocol}`);
  }
  const server = serverAt(base, options);
  return async (request) => {
    try {
      return await takenIn(await exchange(server, request));
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      // RFC 9112 §9.3.1: a kept connection may be closed by the other side at the moment of use. Only a GET
      // without a body is sent again, and only once: the next connection is a new one or proves to be alive.
      return takenIn(await exchange(server, request, { fresh: true }));
    }
  };
}

/** A problem is a few lines; of an answer that failed at more length, only the status is kept. */
const failureBytesMax = 64 * 1024;

/** A failed answer is taken in at once, so that its connection is free even where nobody reads why. */
async function takenIn(response: Response): Promise<Response> {
  if (['ok', 'created', 'changed', 'partial', 'valid'].includes(response.status)) return response;
  try {
    const bytes = await collect(response.body, failureBytesMax);
    return { ...response, size: bytes.length, body: bytesBody(bytes) };
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    return { ...response, size: 0, body: emptyBody };
  }
}

/** One server and the connections to it. */
interface ServerAt {
  readonly timeoutMs: number;
  readonly prefix: string;
  readonly open: (options: http.RequestOptions, fresh: boolean) => http.ClientRequest;
}

function serverAt(base: URL, options: HttpClientOptions): ServerAt {
  const {
    timeoutMs = httpClientDefaults.timeoutMs,
    maxSockets = httpClientDefaults.maxSockets,
    ca,
    cert,
    key,
    lookup,
  } = options;
  const secure = base.protocol === 'https:';
  const trusted = {
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
  const agent = new (secure ? https : http).Agent({
    keepAlive: true,
    maxSockets,
    timeout: timeoutMs,
    ...trusted,
  });
  const common = {
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[(?<address>.*)\]$/, '$<address>'),
    port: base.port,
    timeout: timeoutMs,
    maxHeaderSize: httpClientDefaults.headerBytesMax,
    ...(lookup === undefined ? {} : { lookup }),
    ...trusted,
  };
  return {
    timeoutMs,
    prefix: base.pathname.replace(/\/$/, ''),
    open: (given, fresh) =>
      (secure ? https : http).request({ ...common, ...given, agent: fresh ? false : agent }),
  };
}

/** Stays within this file: the connection was gone before the request could be heard. */
class StaleConnection extends Error {}

function exchange(server: ServerAt, request: Request, { fresh = false } = {}): Promise<Response> {
  request.signal.throwIfAborted();
  const outgoing = server.open(
    {
      method: request.method,
      path: server.prefix + formatTarget(request.path, request.query),
      headers: headersOf(request),
      signal: request.signal,
    },
    fresh,
  );
  return new Promise((resolve, reject) => {
    let answered = false;
    outgoing.on('timeout', () => {
      outgoing.destroy(
        new TransportError('no-answer', `expected bytes within ${server.timeoutMs} ms, found none`),
      );
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (request.signal.aborted) reject(request.signal.reason as Error);
      else if (isStale(error, outgoing, request) && !fresh) reject(new StaleConnection());
      else reject(toTransportError(error));
    });
    outgoing.on('response', (incoming) => {
      answered = true;
      // The answer is there before the whole request is: a refusal. The rest is not sent, the connection
      // not kept.
      if (!outgoing.writableEnded) incoming.once('close', () => outgoing.destroy());
      try {
        resolve(readResponse(incoming, request));
      } catch (error) {
        outgoing.destroy();
        reject(error);
      }
    });
    sendBody(request.body, outgoing, () => answered).catch((error: Error) => outgoing.destroy(error));
  });
}

function headersOf(request: Request): http.OutgoingHttpHeaders {
  const headers: http.OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = value;
  }
  if (request.ifNoneMatch !== undefined) headers['if-none-match'] = formatEntityTag(request.ifNoneMatch);
  if (request.range !== undefined) headers['range'] = formatRange(request.range);
  return headers;
}

/**
 * What is in memory goes out in one piece with its size; a stream goes chunked, unless the caller knows its
 * size.
 */
async function sendBody(body: Body, outgoing: http.ClientRequest, answered: () => boolean): Promise<void> {
  const whole = wholeBytes(body);
  if (whole !== undefined) {
    if (whole.length > 0) outgoing.setHeader('content-length', whole.length);
    outgoing.end(whole.length > 0 ? whole : undefined);
    return;
  }
  const declared = outgoing.getHeader('content-length');
  const size = declared === undefined ? undefined : Number(declared);
  const sent = await pump(body, outgoing, { size, stopped: answered });
  if (answered() || outgoing.destroyed) return;
  if (size !== undefined && sent < size)
    throw new RangeError(`expected a body of ${size} bytes, found ${sent}`);
  outgoing.end();
}

function readResponse(incoming: http.IncomingMessage, request: Request): Response {
  const code = incoming.statusCode ?? 0;
  const status = httpToStatus(code);
  if (status === undefined)
    throw new TransportError('malformed', `expected an answer, found status code ${code}`);
  const { headers } = incoming;
  const declared = headers['content-length'];
  const size = declared === undefined ? undefined : Number(declared);
  const common = {
    status,
    contentType: headers['content-type'],
    etag: readEntityTag(headers.etag),
    headers: plainHeaders(headers),
  };
  // Nothing will come: the connection can be used again at once, whether or not anybody reads the body.
  if (status === 'valid' || status === 'changed' || size === 0) {
    incoming.resume();
    return { ...common, size: 0, body: emptyBody };
  }
  const body = received(incoming, size, request.signal);
  const total = status === 'range-not-satisfiable' ? readTotal(headers['content-range']) : undefined;
  if (total !== undefined)
    return { ...common, size, range: { start: request.range?.start ?? 0, total }, body };
  if (status !== 'partial') return { ...common, size, body };
  const range = readContentRange(headers['content-range']);
  // RFC 9110 §15.3.7: what comes may be less than what was asked for, but it begins somewhere, and says
  // where.
  if (range === undefined || (size !== undefined && size !== range.size)) {
    throw new TransportError('malformed', 'expected a content-range that fits the body, found another');
  }
  return { ...common, size: range.size, range: { start: range.start, total: range.total }, body };
}

/** Node reports a body cut short as an error, and so must we: an image that ends early is not the image. */
function received(incoming: http.IncomingMessage, size: number | undefined, signal: AbortSignal): Body {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let found = 0;
    try {
      for await (const chunk of incoming) {
        found += (chunk as Uint8Array).length;
        yield chunk as Uint8Array;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new TransportError('no-answer', `expected ${size ?? 'all'} bytes of the body, found ${found}`, {
        cause: error,
      });
    }
  }
  return { [Symbol.asyncIterator]: chunks, destroy: () => incoming.destroy() } as Body;
}

function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}

const isStale = (error: NodeJS.ErrnoException, outgoing: http.ClientRequest, request: Request) =>
  outgoing.reusedSocket &&
  error.code === 'ECONNRESET' &&
  request.method === 'GET' &&
  request.body === emptyBody;
