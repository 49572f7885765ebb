/**
 * Why no usable response came. A TransportError is answered by trying again later; it is never by itself a
 * failed update (RFC 9019 §3: devices are behind links that come and go).
 */

export type TransportErrorKind =
  /** The other side was reached, or may have been, and fell silent: a timeout, a reset, a body cut short. */
  | 'no-answer'
  /** Nothing listens there, or no way leads there. */
  | 'unreachable'
  /** An answer came that breaks the protocol or a limit. */
  | 'malformed'
  /**
   * The other side, or our own check of its identity, said no: asking again in the same way does not help.
   */
  | 'refused';

export class TransportError extends Error {
  readonly kind: TransportErrorKind;

  constructor(kind: TransportErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransportError';
    this.kind = kind;
  }
}
