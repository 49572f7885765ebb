/** A vector of our own, as its line in the index says it. */

import type { Expectation, VectorStage } from '../../src/conformance-index.ts';

export interface OwnVector {
  readonly name: string;
  readonly expect: Expectation;
  readonly stage: VectorStage;
  readonly why: string;
  readonly envelope: Uint8Array;
  readonly payloads?: Readonly<Record<string, string>>;
  readonly device?: Readonly<Record<string, unknown>>;
}

type Rest = Pick<OwnVector, 'payloads' | 'device'>;
const one =
  (expect: Expectation) =>
  (stage: VectorStage, name: string, why: string, envelope: Uint8Array, rest: Rest = {}): OwnVector => ({
    name,
    expect,
    stage,
    why,
    envelope,
    ...rest,
  });

export const accept = one('accept');
export const reject = one('reject');
export const policy = one('policy');
export const bootOnly = one('accept-for-boot');
