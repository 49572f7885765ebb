/** SUIT_Digest (draft-ietf-suit-manifest-37 §10). */

import type { Infer } from '@lapel/cbor';
import { bstr, int, tuple } from '@lapel/cbor';
import type { DigestAlgorithm } from '@lapel/cose';
import { digestAlgorithmByCode, digestAlgorithms } from '@lapel/cose';
import type { Stage } from './reason.ts';
import { SuitError } from './reason.ts';

/** An algorithm and the digest's bytes, not yet held against each other. */
export const Digest = tuple(int, bstr);
export type Digest = Infer<typeof Digest>;

export interface KnownDigest {
  readonly algorithm: DigestAlgorithm;
  readonly bytes: Uint8Array;
}

/** @throws {SuitError} where the algorithm is not spoken here, or the length is not the algorithm's own. */
export function knownDigest(stage: Stage, [code, digestBytes]: Digest): KnownDigest {
  const algorithm = digestAlgorithmByCode(code);
  if (algorithm === undefined) {
    throw new SuitError(
      stage,
      'alg-unsupported',
      `expected a digest algorithm that is spoken here, found ${code}`,
    );
  }
  const expected = digestAlgorithms[algorithm].bytes;
  if (digestBytes.length !== expected) {
    const found = `expected a ${algorithm} digest of ${expected} bytes, found ${digestBytes.length}`;
    throw new SuitError(stage, 'alg-unsupported', found);
  }
  return { algorithm, bytes: digestBytes };
}

export const digestOf = ({ algorithm, bytes: digestBytes }: KnownDigest): Digest => [
  digestAlgorithms[algorithm].code,
  digestBytes,
];
