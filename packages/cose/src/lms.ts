/**
 * LM-OTS and LMS (RFC 8554 §4, §5): the hashes that signing and verifying share. A one-time key is p chains
 * of hashes, each as long as a digit is large; a signature shows every chain at the place of its digit, and
 * the verifier walks on to the end. The ends make a leaf of the tree whose root is the public key.
 */

import { digest, hashChains } from './crypto.ts';
import { joined } from './joined.ts';
import type { OneTimeSet, TreeSet } from './lms-parameters.ts';

/** Which tree: its parameters, and I of §5.3, which makes its hashes unlike those of any other tree. */
export interface LmsTree {
  readonly tree: TreeSet;
  readonly oneTime: OneTimeSet;
  readonly identifier: Uint8Array;
}

export const identifierBytes = 16;

/** §7.1: what a hash is for, where the number of a chain would stand. */
const use = { oneTimeKey: 0x8080, message: 0x8181, leaf: 0x8282, inner: 0x8383 } as const;

export type Walk = (chain: number, from: number, to: number, start: Uint8Array) => Uint8Array;

/** Walks the chains of one leaf from step to step (§4.3, §4.5, §4.6); one buffer serves them all. */
export function walker({ oneTime, identifier }: LmsTree, leaf: number): Walk {
  const { n } = oneTime;
  const block = joined(identifier, uint32(leaf), new Uint8Array(3 + n));
  const run = hashChains(block, 22, n);
  return (chain, from, to, start) => {
    block[20] = chain >>> 8;
    block[21] = chain;
    block.set(start, 23);
    run(from, to);
    return block.slice(23);
  };
}

/** §4.4: the digits of the message's hash, and of the sum of what they lack, so that none can only grow. */
export function digitsOf({ w, p, ls }: OneTimeSet, messageDigest: Uint8Array): readonly number[] {
  const largest = 2 ** w - 1;
  const digits = split(messageDigest, w);
  const checksum = digits.reduce((sum, digit) => sum + largest - digit, 0) << ls;
  return [...digits, ...split(Uint8Array.of(checksum >>> 8, checksum), w)].slice(0, p);
}

/** §3.1.3: a string as digits of w bits, from the left. */
function split(bytes: Uint8Array, w: number): number[] {
  const perByte = 8 / w;
  return Array.from({ length: bytes.length * perByte }, (_, index) => {
    const byte = bytes[Math.floor(index / perByte)] ?? 0;
    return (byte >>> (8 - w * (1 + (index % perByte)))) & (2 ** w - 1);
  });
}

export const messageHash = (tree: LmsTree, leaf: number, randomizer: Uint8Array, message: Uint8Array) =>
  hash(tree.oneTime.n, tree.identifier, uint32(leaf), uint16(use.message), randomizer, message);

/** The leaf over the ends of all chains of a one-time key (§4.3, §5.3). */
export function leafHash({ tree, oneTime, identifier }: LmsTree, leaf: number, ends: Uint8Array): Uint8Array {
  const oneTimeKey = hash(oneTime.n, identifier, uint32(leaf), uint16(use.oneTimeKey), ends);
  return hash(tree.n, identifier, uint32(2 ** tree.h + leaf), uint16(use.leaf), oneTimeKey);
}

/** The node above two others. */
export const innerHash = ({ tree, identifier }: LmsTree, node: number, left: Uint8Array, right: Uint8Array) =>
  hash(tree.n, identifier, uint32(node), uint16(use.inner), left, right);

/** What a seed yields for one use of one leaf (Appendix A). */
export const derived = ({ tree, identifier }: LmsTree, leaf: number, purpose: number, seed: Uint8Array) =>
  hash(tree.n, identifier, uint32(leaf), uint16(purpose), Uint8Array.of(0xff), seed);

function hash(n: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const found = digest('sha-256', joined(...parts));
  return n === found.length ? found : found.subarray(0, n);
}

export const uint32 = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value);
