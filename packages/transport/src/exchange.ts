/**
 * One exchange: a request, a response, and the Handler that turns one into the other. Server, client,
 * gateway and a bad radio link all have this shape; HTTP and CoAP are bindings of it, so nothing here is a
 * word of only one.
 */

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/**
 * The outcome of an exchange, named once for every binding: `http-status.ts` maps it to RFC 9110, a CoAP
 * binding to RFC 7252 §5.9.
 */
export type Status =
  | 'ok'
  | 'created'
  | 'changed'
  | 'partial'
  | 'valid'
  | 'bad-request'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'conflict'
  | 'gone'
  | 'too-large'
  | 'range-not-satisfiable'
  | 'unsupported-format'
  | 'unprocessable'
  | 'too-many-requests'
  | 'internal-error'
  | 'unavailable'
  | 'storage-full'
  | 'loop-detected';

/** Chunks in order; a stream, because an image is never held whole. It can be read once. */
export type Body = AsyncIterable<Uint8Array>;

/** The other side, as the channel or a token proved it. */
export interface Peer {
  readonly id: string;
  readonly roles: readonly string[];
}

export interface ProvenSender {
  /** Such as `coap://192.0.2.7:5683`. */
  readonly origin: string;
  readonly ask: Handler;
}

export interface Request {
  readonly method: Method;
  /** Absolute path, percent-decoded, without query: `/payloads/ab12`. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body;
  /** The authenticated identity of the other side; absent where nothing proved one. */
  readonly peer?: Peer | undefined;
  /**
   * In DER, that of the other side first, whose key the channel has proved it to hold; absent where it showed
   * none, or one that nobody here vouches for.
   */
  readonly certificates?: readonly Uint8Array[] | undefined;
  /** Who sent it, where it can be asked in turn by the way it came, as it has proven to be there. */
  readonly sender?: ProvenSender | undefined;
  readonly signal: AbortSignal;
  /** The ETag of the copy the client has already; answered `valid` where it is still current. */
  readonly ifNoneMatch?: string | undefined;
  /** First byte wanted and, where bounded, the last one (inclusive). */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
}

export interface Response {
  readonly status: Status;
  readonly contentType?: string | undefined;
  readonly etag?: string | undefined;
  /** Bytes in the body, where known beforehand. */
  readonly size?: number | undefined;
  /** With `partial`: where the body begins, and the size of the whole. */
  readonly range?: { readonly start: number; readonly total: number } | undefined;
  /** With `too-large`: how many bytes a body may have. */
  readonly limitBytes?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whoever does not read it to its end calls `discard` on it, so that what is behind it is given back. */
  readonly body: Body;
}

/**
 * Serving, it answers every request, failures included.
 * @throws {TransportError} where no response came
 */
export type Handler = (request: Request) => Promise<Response>;
