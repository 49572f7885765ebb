/**
 * Why an update failed: the reasons of draft-ietf-suit-report-19 §3, the failure vocabulary of the whole
 * house.
 */

import { CborError } from '@lapel/cbor';

/** SUIT_Report_Reasons, name by number. */
export const reportReasons = {
  ok: 0,
  'cbor-parse': 1,
  'cose-unsupported': 2,
  'alg-unsupported': 3,
  unauthorised: 4,
  'command-unsupported': 5,
  'component-unsupported': 6,
  'component-unauthorised': 7,
  'parameter-unsupported': 8,
  'severing-unsupported': 9,
  'condition-failed': 10,
  'operation-failed': 11,
  'invoke-pending': 12,
} as const;

export type ReportReason = keyof typeof reportReasons;
export type FailureReason = Exclude<ReportReason, 'ok' | 'invoke-pending'>;

/** How far a manifest came: its structure, its authenticity, the checks of §6.1 and §6.2, its commands. */
export type Stage = 'parse' | 'auth' | 'setup' | 'run';

/** The update is bad; `message` says what was expected and found. */
export class SuitError extends Error {
  override readonly name = 'SuitError';
  readonly stage: Stage;
  readonly reason: FailureReason;

  constructor(stage: Stage, reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.stage = stage;
    this.reason = reason;
  }
}

/** Runs `parse` and translates what the CBOR room says of it. */
export function parsing<T>(stage: Stage, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new SuitError(stage, 'cbor-parse', `${what}: ${error.message}`, { cause: error });
  }
}
