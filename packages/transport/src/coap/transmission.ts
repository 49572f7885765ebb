/** How patiently messages are sent (RFC 7252 §4.8), and the times that follow from it (§4.8.2). */

export interface Transmission {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  /** Interactions at once with one other endpoint (§4.7). */
  readonly nstart: number;
  /** How long a datagram may be under way. */
  readonly maxLatencyMs: number;
  /** After an acknowledgement without a response: silence that counts as nobody being there any more. */
  readonly answerMsMax: number;
}

export const transmissionDefaults: Transmission = {
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  maxLatencyMs: 100_000,
  answerMsMax: 120_000,
};

/** From the first transmission of a message to the last. */
export const maxTransmitSpanMs = ({ ackTimeoutMs, ackRandomFactor, maxRetransmit }: Transmission): number =>
  ackTimeoutMs * (2 ** maxRetransmit - 1) * ackRandomFactor;

/**
 * How long the number of a confirmable message must not be used again: 247 s. PROCESSING_DELAY is
 * ACK_TIMEOUT.
 */
export const exchangeLifetimeMs = (transmission: Transmission): number =>
  maxTransmitSpanMs(transmission) + 2 * transmission.maxLatencyMs + transmission.ackTimeoutMs;

/** How long the number of another one: 145 s. */
export const nonLifetimeMs = (transmission: Transmission): number =>
  maxTransmitSpanMs(transmission) + transmission.maxLatencyMs;
