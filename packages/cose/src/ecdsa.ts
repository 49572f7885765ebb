/** ECDSA as RFC 9053 §2.1 has it: a signature is r and s side by side, each as long as the curve's order. */

import type { KeyKind } from './algorithms.ts';

/** The kinds that hash first; the others take a message as it is. */
export const ecdsa: Partial<Record<KeyKind, { readonly hash: string; readonly signatureBytes: number }>> = {
  'P-256': { hash: 'sha256', signatureBytes: 64 },
  'P-384': { hash: 'sha384', signatureBytes: 96 },
};

const [sequenceTag, integerTag] = [0x30, 0x02];
const longForm = 0x81;

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

/**
 * Back from DER, as tokens and node:crypto write it. Undefined where the bytes are no such value: then they
 * may be r and s already.
 */
export function ecdsaNumbers(der: Uint8Array, bytesEach: number): Uint8Array | undefined {
  // 2 numbers of 48 bytes fit a length of one octet, be it in the short form or behind 0x81.
  const head = der[1] === longForm ? 3 : 2;
  if (der[0] !== sequenceTag || der[head - 1] !== der.length - head) return undefined;
  const r = integerAt(der, head, bytesEach);
  const s = r === undefined ? undefined : integerAt(der, r.end, bytesEach);
  if (r === undefined || s?.end !== der.length) return undefined;
  const numbers = new Uint8Array(2 * bytesEach);
  numbers.set(r.bytes, bytesEach - r.bytes.length);
  numbers.set(s.bytes, 2 * bytesEach - s.bytes.length);
  return numbers;
}

function integerAt(der: Uint8Array, at: number, bytesMax: number) {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== integerTag || length === 0 || end > der.length) return undefined;
  const whole = der.subarray(at + 2, end);
  // A zero in front keeps a number positive that would begin with a one.
  const bytes = whole[0] === 0 ? whole.subarray(1) : whole;
  return bytes.length > bytesMax ? undefined : { bytes, end };
}
