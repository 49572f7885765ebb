/**
 * Datagrams from one address to another: UDP where it is real, a link that loses some where it is simulated.
 */

export interface Datagrams {
  /** Sent, and whether it arrives nobody says. */
  send(bytes: Uint8Array, to: string): void;
  /** Called once, before the first datagram. Addresses are text, and the same text is the same endpoint. */
  listen(onDatagram: (bytes: Uint8Array, from: string) => void, onError: (error: Error) => void): void;
  close(): Promise<void>;
}
