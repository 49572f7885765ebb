/** Why an update was not installed, in the numbers that a server of LwM2M knows (Update Result, 5/0/5). */

import type { FailureReason } from '@lapel/suit';
import { Shortage } from '../storage/shortage.ts';
import type { Outcome } from '../update-source.ts';
import type { Failure } from './machine.ts';

/** The package asks for something that this device does not know how to do. */
const unsupported: ReadonlySet<FailureReason> = new Set([
  'cose-unsupported',
  'alg-unsupported',
  'command-unsupported',
  'component-unsupported',
  'parameter-unsupported',
  'severing-unsupported',
]);

/** Undefined where it has not failed. */
export function resultOf(outcome: Outcome): Failure | undefined {
  if (outcome.end === 'unobtainable') {
    return outcome.error.kind === 'refused' ? 'invalid-uri' : 'connection-lost';
  }
  if (outcome.end !== 'failed') return undefined;
  const { error, isWrongPayload } = outcome;
  if (error instanceof Shortage) return error.of === 'flash' ? 'not-enough-flash' : 'out-of-ram';
  if (isWrongPayload) return 'integrity-failure';
  if (unsupported.has(error.reason)) return 'unsupported-package';
  if (error.stage === 'parse') return 'unsupported-package';
  return error.stage === 'auth' ? 'integrity-failure' : 'update-failed';
}
