/**
 * What carries contents from one endpoint to another: UDP, TCP, and OSCORE over either have this one shape, a
 * side that asks and a side that responds. Blocks, problems and the Handler know nothing else of them.
 */
import type { Peer } from '../exchange.ts';
import type { Content } from './message.ts';

/** One request, one response. @throws {TransportError} where none came */
export type Ask = (request: Content, signal: AbortSignal) => Promise<Content>;

/** The response, and what is told of the same resource later (RFC 7641); ends when its source does. */
export type Watch = (request: Content, signal: AbortSignal) => AsyncIterable<Content>;

/** Serving, it answers every request, failures included. */
export type Respond = (request: Content, sender: Sender) => Promise<Answer>;

export interface Sender {
  /** Tells one endpoint from another: an address, a connection, a security context. */
  readonly key: string;
  /** Who it is, where the channel has proved that. */
  readonly peer?: Peer | undefined;
  /** Bytes of the datagram that the request came in. */
  readonly requestBytes?: number;
  /** Of the answer, what stands before its options. */
  readonly headBytes?: number;
  /** What options and payload of the answer may weigh together, if less than a block of the largest size. */
  readonly answerBytesMax?: number;
  /** Fires when nobody will want the answer any more. */
  readonly signal: AbortSignal;
}

export interface Answer extends Content {
  /** What the carrier sends under the same token until the observer is gone. */
  readonly notifications?: AsyncIterable<Content>;
}
