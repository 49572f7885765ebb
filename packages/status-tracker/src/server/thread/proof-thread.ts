/** The thread that signatures are proved in: a batch of them, each with its own end. */
import { proveNow } from '../proofs.ts';
import type { Failure } from './across.ts';
import { failureOf } from './across.ts';
import { answerAsked } from './answer-asked.ts';

/** What is signed, and the encoded key that is to have done it. */
export type ToProve = readonly [signed: Uint8Array, key: Uint8Array];

answerAsked(() => ({ proveAll: async (batch: readonly ToProve[]) => batch.map(endOf) }));

function endOf([signed, key]: ToProve): Failure | undefined {
  try {
    proveNow(signed, key);
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}
