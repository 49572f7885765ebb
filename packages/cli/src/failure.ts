/**
 * A mistake that a command itself finds. What becomes of it and of all other errors is in `failure-of.ts`,
 * which is loaded only where something failed.
 */

import type { ExitCode } from './exit-codes.ts';

/** `message` says what was expected and found. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
