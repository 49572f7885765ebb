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

/**
 * Requests that need not arrive, and everything that comes back for any of them: what RFC 9177 asks of a
 * carrier.
 */
export interface Burst {
  /** Under a token of its own; confirmably where the other side must say whether it understands. */
  send(request: Content, isConfirmable?: boolean): void;
  /**
   * The next answer, in the order in which they come; one with code 0 says that a request has arrived.
   * Undefined where none came for so long.
   * @throws {TransportError} where a confirmable request did not arrive
   */
  receive(withinMs: number): Promise<Received | undefined>;
  /** Nobody is interested in answers any more. */
  close(): void;
}

export interface Received extends Content {
  /** Which of the requests it answers, counted from 0. */
  readonly request: number;
}

export type OpenBurst = (signal: AbortSignal) => Burst;

/** The side that asks. */
export interface Carrier {
  readonly ask: Ask;
  readonly watch: Watch;
  /** Absent on a stream, where every message arrives. */
  readonly burst?: OpenBurst | undefined;
}

/** Serving, it answers every request, failures included. */
export type Respond = (request: Content, sender: Sender) => Promise<Answer>;

export interface Sender {
  /** Tells one endpoint from another: an address, a connection, a security context. */
  readonly key: string;
  /** Who it is, where the channel has proved that. */
  readonly peer?: Peer | undefined;
  /** Where its datagrams come from, where that is proven (RFC 9175 §2.4). */
  readonly provenAddress?: string;
  /** Bytes of the datagram that the request came in. */
  readonly requestBytes?: number;
  /** Of the answer, what stands before its options. */
  readonly headBytes?: number;
  /** What options and payload of the answer may weigh together, if less than a block of the largest size. */
  readonly answerBytesMax?: number;
  /** What blocks of one message may weigh together, where both sides speak BERT (RFC 8323 §6). */
  readonly bertBytes?: number | undefined;
  /** Whether the carrier sends further answers. */
  readonly takesFurther?: boolean;
  /** Fires when nobody will want the answer any more. */
  readonly signal: AbortSignal;
}

export interface Answer extends Content {
  /** What the carrier sends under the same token until the observer is gone. */
  readonly notifications?: AsyncIterable<Content>;
  /**
   * Further answers to the same request, each sent once and not confirmably (RFC 9177). With them, an answer
   * of code 0 says only that the request has arrived.
   */
  readonly further?: AsyncIterable<Content>;
  /** The address is not proven: nothing is sent to it a second time unasked. */
  readonly isToStranger?: boolean;
}
