/**
 * What verifying a hash-based signature costs beyond the hashes themselves, which are all that the scheme is:
 * one verification against as many bare hashes of one block by node:crypto.
 */

import * as node from 'node:crypto';
import type { HssPublicKey } from '../src/hss-lms.ts';
import { readHssPublicKey, verifyHss } from '../src/hss-lms.ts';
import { createHssSigner } from '../src/hss-signing.ts';
import { digitsOf, messageHash } from '../src/lms.ts';
import { oneTimeSetOf, treeSetOf } from '../src/lms-parameters.ts';
import type { Figure } from '../../../tools/figure.ts';

const rounds = 60;
const message = new TextEncoder().encode('the digest of a manifest, as a Sig_structure holds it');

export const figures: readonly Figure[] = ([4, 8] as const).flatMap((digitBits) => [
  {
    room: 'cose',
    name: `verify HSS-LMS with digits of ${digitBits} bits`,
    unit: '× its bare hashes',
    aim: '≤ 1.75',
    atMost: 1.75,
    measure: () => verifyAgainstHashes(digitBits).ratio,
  },
  {
    room: 'cose',
    name: `HSS-LMS verifications with digits of ${digitBits} bits`,
    unit: 'per s',
    measure: () => verifyAgainstHashes(digitBits).perSecond,
  },
]);

function verifyAgainstHashes(digitBits: number) {
  const { key, signature } = subject(digitBits);
  const block = new Uint8Array(55);
  const hashes = hashesIn(key, signature);
  const [verifyMs, bareMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const verifying = elapsedMs(() => {
      if (!verifyHss(key, message, signature)) throw new Error('expected a valid signature, found another');
    });
    verifyMs.push(verifying);
    const hashing = elapsedMs(() => {
      for (let left = hashes; left > 0; left--) node.hash('sha256', block, 'binary');
    });
    bareMs.push(hashing);
  }
  return { ratio: median(verifyMs) / median(bareMs), perSecond: 1_000 / median(verifyMs) };
}

/** Rounds in which something else had the processor don't count. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

function subject(digitBits: number): { readonly key: HssPublicKey; readonly signature: Uint8Array } {
  const levels = [{ tree: treeSetOf(32, 5), oneTime: oneTimeSetOf(32, digitBits) }];
  const signer = createHssSigner({ levels, identifier: new Uint8Array(16), seed: new Uint8Array(32) });
  return { key: readHssPublicKey(signer.publicKey()), signature: signer.sign(0, message) };
}

/** The steps that are left of every chain, the path, and one each for message, one-time key and leaf. */
function hashesIn({ top }: HssPublicKey, signature: Uint8Array): number {
  const { n, w } = top.oneTime;
  const digits = digitsOf(top.oneTime, messageHash(top, 0, signature.subarray(12, 12 + n), message));
  return digits.reduce((sum, digit) => sum + 2 ** w - 1 - digit, 0) + top.tree.h + 3;
}

function elapsedMs(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}
