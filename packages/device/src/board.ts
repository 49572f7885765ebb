/**
 * What a board must give a device. Replaced by the porting kit's own description.
 */

export interface Counter {
  read(): number;
  raise(to: number): void;
}

export interface Watchdog {
  readonly timeoutMs: number;
  feed(): void;
}
