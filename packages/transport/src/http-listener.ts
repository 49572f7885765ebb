/**
 * A Handler as a listener of node:http, so that it can be served alone (`serveHttp`) or mounted in another
 * framework, below its body parser.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { discard, emptyBody, wholeBytes } from './body.ts';
import type { Body, Handler, Method, Request, Response } from './exchange.ts';
import { formatEntityTag, matchesEntityTag, readEntityTag, readRange } from './http-fields.ts';
import { statusToHttp } from './http-status.ts';
import { parseTarget } from './http-target.ts';
import { peerCertificates } from './peer-certificates.ts';
import { Problem, problemResponse } from './problem.ts';
import { pump } from './pump.ts';

export interface HttpListenerOptions {
  /** Is given every error that a Handler let escape, and every body that broke while it was sent. */
  readonly onBug: (error: unknown) => void;
}

export type HttpListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export function httpListener(handler: Handler, { onBug }: HttpListenerOptions): HttpListener {
  return (incoming, outgoing) => {
    answer(handler, incoming, outgoing, onBug)
      .catch(async (error: unknown) => {
        onBug(error);
        if (!outgoing.headersSent) return send(internal(), incoming, outgoing);
        // A cut connection is the only way left to say that the body is not whole.
        outgoing.destroy();
      })
      .catch(onBug);
  };
}

async function answer(
  handler: Handler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onBug: (error: unknown) => void,
): Promise<void> {
  let response: Response;
  try {
    response = current(await handler(readRequest(incoming, outgoing)), incoming);
  } catch (error) {
    if (!(error instanceof Problem)) onBug(error);
    response = error instanceof Problem ? problemResponse(error) : internal();
  }
  if (outgoing.destroyed) return discard(response.body);
  // Only now is it clear that the rest of the request will not be read.
  if (!incoming.complete) linger(incoming);
  await send(response, incoming, outgoing);
}

const internal = () => problemResponse(new Problem('internal', 'the server failed; its log says why'));

function readRequest(incoming: IncomingMessage, outgoing: ServerResponse): Request {
  const method = methodByName.get(incoming.method ?? '');
  if (method === undefined)
    throw new Problem('method-not-allowed', 'expected GET, PUT, POST or DELETE, found another');
  const { path, query } = parseTarget(incoming.url ?? '');
  const { headers } = incoming;
  let controller: AbortController | undefined;
  return {
    method,
    path,
    query,
    headers: plainHeaders(headers),
    body: hasBody(headers) ? received(incoming) : emptyBody,
    get certificates() {
      return peerCertificates(incoming.socket);
    },
    /** Made when it is first asked for: a poll answered from memory has no use for one. */
    get signal() {
      controller ??= abortedOnClose(outgoing);
      return controller.signal;
    },
    ifNoneMatch: readEntityTag(headers['if-none-match']),
    range: readRange(headers.range),
  };
}

/** A HEAD is a GET whose content is left out at the end (RFC 9110 §9.3.2). */
const methodByName: ReadonlyMap<string, Method> = new Map([
  ['GET', 'GET'],
  ['HEAD', 'GET'],
  ['PUT', 'PUT'],
  ['POST', 'POST'],
  ['DELETE', 'DELETE'],
]);

/** `set-cookie` is the one field that Node gives as a list; it means nothing in a request. */
function plainHeaders(headers: IncomingMessage['headers']): Request['headers'] {
  if (headers['set-cookie'] === undefined) return headers as Request['headers'];
  return { ...headers, 'set-cookie': undefined };
}

const hasBody = (headers: IncomingMessage['headers']) =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/**
 * The request's body. A reader who stops early does not close the connection: the answer has yet to go out
 * on it.
 */
async function* received(incoming: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  let found = 0;
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      found += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  } catch (error) {
    const declared = incoming.headers['content-length'] ?? 'all';
    throw new Problem('bad-request', `expected ${declared} bytes of the body, found ${found}`, {
      cause: error,
    });
  }
}

function abortedOnClose(outgoing: ServerResponse): AbortController {
  const controller = new AbortController();
  const abort = () => {
    if (!outgoing.writableFinished) controller.abort();
  };
  if (outgoing.destroyed) abort();
  else outgoing.once('close', abort);
  return controller;
}

/** RFC 9110 §13.1.2: a copy that the client has is not sent again, whether or not the Handler looked. */
function current(response: Response, incoming: IncomingMessage): Response {
  const field = incoming.headers['if-none-match'];
  if (field === undefined || response.status !== 'ok' || response.etag === undefined) return response;
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return response;
  return matchesEntityTag(field, response.etag) ? { ...response, status: 'valid' } : response;
}

/**
 * What a client may still have under way when it is told no: the buffers of both ends and of the link
 * between.
 */
const lingerBytesMax = 16 * 1024 * 1024;

/**
 * Goes on reading, for nothing, what a refused client still sends. Were the connection closed at once, the
 * client's system would throw the answer away together with it (RFC 9112 §9.6).
 */
function linger(incoming: IncomingMessage): void {
  let left = lingerBytesMax;
  incoming.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) incoming.destroy();
  });
  // A client that goes away now has nothing to tell us.
  incoming.on('error', () => undefined);
  incoming.resume();
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const whole = wholeBytes(response.body);
  const size = response.size ?? whole?.length;
  const code = statusToHttp(response.status, size !== 0);
  const withoutContent = code === 204 || code === 304;
  outgoing.writeHead(code, headersOf(response, withoutContent ? undefined : size));
  if (withoutContent || incoming.method === 'HEAD') {
    outgoing.end();
    return discard(response.body);
  }
  if (whole !== undefined && whole.length === size) {
    outgoing.end(whole);
    return;
  }
  await sendStream(response.body, size, outgoing);
}

async function sendStream(body: Body, size: number | undefined, outgoing: ServerResponse): Promise<void> {
  const sent = await pump(body, outgoing, { size });
  if (outgoing.destroyed) return;
  if (size !== undefined && sent < size)
    throw new RangeError(`expected a body of ${size} bytes, found ${sent}`);
  outgoing.end();
}

function headersOf(response: Response, size: number | undefined): Record<string, string | number> {
  const { status, range } = response;
  const headers: Record<string, string | number> = { ...response.headers };
  if (response.contentType !== undefined) headers['content-type'] = response.contentType;
  if (response.etag !== undefined) headers['etag'] = formatEntityTag(response.etag);
  if (size !== undefined) headers['content-length'] = size;
  if (range !== undefined && status === 'partial' && size !== undefined) {
    headers['content-range'] = `bytes ${range.start}-${range.start + size - 1}/${range.total}`;
  }
  // RFC 9110 §15.5.17: the answer tells how much there is.
  if (range !== undefined && status === 'range-not-satisfiable')
    headers['content-range'] = `bytes */${range.total}`;
  // RFC 9110 §11.6.1: a 401 names the scheme that would help.
  if (status === 'unauthorized') headers['www-authenticate'] ??= 'Bearer';
  return headers;
}
