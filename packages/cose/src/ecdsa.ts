/** ECDSA as RFC 9053 §2.1 has it: a signature is r and s side by side, each as long as the curve's order. */

import type { KeyKind } from './algorithms.ts';

/** The kinds that hash first; the others take a message as it is. */
export const ecdsa: Partial<Record<KeyKind, { readonly hash: string; readonly signatureBytes: number }>> = {
  'P-256': { hash: 'sha256', signatureBytes: 64 },
  'P-384': { hash: 'sha384', signatureBytes: 96 },
};

const [sequenceTag, integerTag] = [0x30, 0x02];

/**
 * ECDSA-Sig-Value in DER (RFC 3279 §2.2.3): the same numbers, proved by node:crypto in two thirds of the
 * time.
 * @param numbers of at most 48 bytes each, so that every length fits one byte.
 */
export function ecdsaDer(numbers: Uint8Array): Uint8Array {
  const half = numbers.length >> 1;
  const der = new Uint8Array(numbers.length + 8);
  const behindR = putInteger(der, 2, numbers, 0, half);
  const end = putInteger(der, behindR, numbers, half, numbers.length);
  der[0] = sequenceTag;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** DER's integers are signed and have no byte more than they need. Gives the position behind it. */
function putInteger(der: Uint8Array, at: number, numbers: Uint8Array, from: number, to: number): number {
  let first = from;
  while (first < to - 1 && numbers[first] === 0) first++;
  const sign = (numbers[first] ?? 0) >> 7;
  const body = at + 2 + sign;
  der[at] = integerTag;
  der[at + 1] = sign + to - first;
  der.set(numbers.subarray(first, to), body);
  return body + to - first;
}
