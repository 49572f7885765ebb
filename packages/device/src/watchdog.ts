/** Who restarts a device that hangs. */

/**
 * Restarts the device when it was not fed in time. It runs before the bootloader does anything, goes on
 * through the jump into the application, and no software stops it.
 */
export interface Watchdog {
  /** How long a fed watchdog waits, in milliseconds: longer than the longest erase and program take. */
  readonly timeoutMs: number;
  /** Begins the wait anew. Never throws, and may be called as often as one likes. */
  feed(): void;
}
