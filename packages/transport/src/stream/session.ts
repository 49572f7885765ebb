/** A session of a narrow link, as those see it who use it: what it takes, and what takes from it. */

export interface Session {
  send(bytes: Uint8Array): void;
  /** Bytes that have not arrived yet. */
  readonly pendingBytes: number;
  end(error: Error): void;
}

export interface Consumer {
  receive(bytes: Uint8Array): void;
  end(error: Error): void;
  /** It takes no more for now; `StreamLink.goOn` tells that it does again. */
  readonly isBusy: boolean;
}
