/**
 * Chance under a seed (xoshiro128**, seeded by splitmix32): the same seed gives the same world. Never for
 * secrets.
 */

import type { Random } from '@lapel/transport';

export interface SeededRandom extends Random {
  readonly seed: number;
  /** A whole number below `limit`. */
  below(limit: number): number;
  /** Another stream, whose draws do not disturb this one. */
  fork(name: string): SeededRandom;
}

export function seededRandom(seed: number): SeededRandom {
  let mixed = seed >>> 0;
  const mix = (): number => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let value = mixed;
    value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
    value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
    return (value ^ (value >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [mix(), mix(), mix(), mix()];
  const rotated = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));
  const next = (): number => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return result;
  };
  return {
    seed,
    fraction: () => next() / 2 ** 32,
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    fork: (name) =>
      seededRandom([...name].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 16777619), seed)),
  };
}
