/**
 * An endpoint of CoAP over datagrams (RFC 7252 §4): takes messages apart by type, rejects what is none, and
 * gives requests to the side that responds and responses to the side that asks.
 */
import type { Clock, Random } from '../system.ts';
import { alarms } from './alarms.ts';
import type { Ask, OpenBurst, Respond, Watch } from './carrier.ts';
import { empty, isRequest, isResponse } from './code.ts';
import type { Datagrams } from './datagrams.ts';
import type { Message } from './message.ts';
import { MessageError, decodeMessage, encodeMessage, messageTypes } from './message.ts';
import { createObservers } from './observers.ts';
import { reliability } from './reliability.ts';
import { requester } from './requester.ts';
import { responder } from './responder.ts';
import type { Transmission } from './transmission.ts';
import { transmissionDefaults } from './transmission.ts';

export const endpointLimits = {
  /** Answers that are remembered for copies of their requests. */
  recentBytesMax: 32 * 1024 * 1024,
  /** Requests that are served at once, those included that wait for news. */
  requestsMax: 20_000,
  /** Observers: a fleet that waits for offers, and those behind one address, which may be a NAT's. */
  observersMax: 100_000,
  observersPerPeerMax: 64,
} as const;

export type EndpointLimits = { readonly [limit in keyof typeof endpointLimits]: number };

export interface EndpointOptions {
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly random: Random;
  readonly transmission?: Partial<Transmission>;
  readonly limits?: Partial<EndpointLimits>;
  /** Absent in one that only asks: it rejects every request. */
  readonly respond?: Respond;
  readonly onBug: (error: unknown) => void;
  /** What the socket says, such as that nobody listens there. */
  readonly onError?: (error: Error) => void;
}

export interface Endpoint {
  ask(to: string): Ask;
  watch(to: string): Watch;
  burst(to: string): OpenBurst;
  /** Everybody who waits for an answer is told. */
  fail(error: Error): void;
  close(): Promise<void>;
}

/** A share of ACK_TIMEOUT by which an alarm may be late. */
const tickShare = 1 / 20;

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { datagrams, clock, random, respond, onBug, onError = () => undefined } = options;
  const transmission = { ...transmissionDefaults, ...options.transmission };
  const closed = new AbortController();
  const send = (bytes: Uint8Array, to: string): void => {
    if (!closed.signal.aborted) datagrams.send(bytes, to);
  };
  const clockwork = alarms(clock, transmission.ackTimeoutMs * tickShare);
  const reliable = reliability({ clock, random, alarms: clockwork, transmission, send });
  const asking = requester({ clock, random, alarms: clockwork, reliability: reliable, transmission, send });
  const limits = { ...endpointLimits, ...options.limits };
  const observers = createObservers({ clock, reliability: reliable, send, limits, onBug });
  const serving =
    respond === undefined
      ? undefined
      : responder({
          respond,
          clock,
          alarms: clockwork,
          reliability: reliable,
          transmission,
          observers,
          send,
          signal: closed.signal,
          limits,
          onBug,
        });

  /** §4.2: nobody here knows what to do with it. Only what asks to be acknowledged is told. */
  function reject({ type, id }: Pick<Message, 'type' | 'id'>, from: string): void {
    if (type === messageTypes.confirmable) send(emptyMessage(messageTypes.reset, id), from);
  }

  function receive(bytes: Uint8Array, from: string): void {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      if (error.rejected !== undefined) reject(error.rejected, from);
      return;
    }
    dispatch(message, from, bytes.length);
  }

  function dispatch(message: Message, from: string, bytes: number): void {
    const { type, code, id } = message;
    if (type === messageTypes.acknowledgement || type === messageTypes.reset) {
      // §4.2: an acknowledgement with a request, or a reset with anything, is ignored.
      if (code !== empty && (type === messageTypes.reset || !isResponse(code))) return;
      const isAwaited = reliable.settle(message, from);
      if (!isAwaited && type === messageTypes.reset) observers.reset(from, id);
      return;
    }
    if (isRequest(code) && serving !== undefined) return serving.serve(message, from, bytes);
    // §5.3.2: a response that nobody waits for is rejected; for a notification that ends the observation, so
    // a reset answers it even where nothing asked for an acknowledgement (RFC 7641 §3.6).
    if (!isResponse(code)) return reject(message, from);
    if (asking.take(message, from)) {
      if (type === messageTypes.confirmable) send(emptyMessage(messageTypes.acknowledgement, id), from);
      return;
    }
    send(emptyMessage(messageTypes.reset, id), from);
  }

  datagrams.listen(receive, onError);
  return {
    ask: asking.ask,
    watch: asking.watch,
    burst: asking.burst,
    fail: asking.fail,
    async close() {
      closed.abort(new Error('the endpoint is closed'));
      observers.close();
      clockwork.close();
      await datagrams.close();
    },
  };
}

const nothing = new Uint8Array(0);

const emptyMessage = (type: number, id: number): Uint8Array =>
  encodeMessage({ type, id, code: empty, token: nothing, options: [], payload: nothing });
