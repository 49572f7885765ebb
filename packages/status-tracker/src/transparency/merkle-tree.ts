/**
 * The Merkle tree of RFC 9162 §2.1: a list that only grows, whose root says what is in it and in which order.
 * Whoever has two roots can be shown that the later list begins with the earlier one, and whoever has one
 * that an entry is in it, by as many hashes as the tree is high. Nothing here is stored: nodes are read where
 * they are needed, and those that an addition makes are handed back.
 */
import { compareBytes } from '@lapel/cbor';
import { digest, joined } from '@lapel/cose';

/** A node over 2^level entries from number index · 2^level on; none is there before it is full. */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** @throws where there is no such node: it is full in every tree that is asked about. */
export type ReadNode = (level: number, index: number) => Promise<Uint8Array>;

/** No list here grows longer. A proof is as long as the tree is high; one that is longer proves nothing. */
const treeSizeMax = 2 ** 40;

// §2.1.1: a leaf and a node can't be taken for each other, since each is hashed behind a number of its own.
const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

export const leafHash = (entry: Uint8Array): Uint8Array => digest('sha-256', joined(leafPrefix, entry));
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  digest('sha-256', joined(nodePrefix, left, right));

/** The nodes that become full when `leaves` (their hashes) are added to a tree of `size` entries. */
export async function grow(
  size: number,
  leaves: readonly Uint8Array[],
  read: ReadNode,
): Promise<readonly TreeNode[]> {
  const made: TreeNode[] = [];
  const byPlace = new Map<string, Uint8Array>();
  const readAny = async (level: number, index: number) =>
    byPlace.get(`${level}/${index}`) ?? (await read(level, index));
  for (const [at, leaf] of leaves.entries()) {
    let node: TreeNode = { level: 0, index: size + at, hash: leaf };
    for (;;) {
      made.push(node);
      byPlace.set(`${node.level}/${node.index}`, node.hash);
      if (node.index % 2 === 0) break;
      const hash = nodeHash(await readAny(node.level, node.index - 1), node.hash);
      node = { level: node.level + 1, index: (node.index - 1) / 2, hash };
    }
  }
  return made;
}

/** §2.1.1. The root of the first `size` entries. */
export const rootOf = (size: number, read: ReadNode): Promise<Uint8Array> =>
  size === 0 ? Promise.resolve(digest('sha-256', new Uint8Array())) : hashOf(0, size, read);

/** The root over these leaves (their hashes), for who has all of them. */
export async function rootOver(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  const nodes = new Map<string, Uint8Array>();
  const read: ReadNode = async (level, index) => nodes.get(`${level}/${index}`) ?? new Uint8Array();
  for (const { level, index, hash } of await grow(0, leaves, read)) nodes.set(`${level}/${index}`, hash);
  return rootOf(leaves.length, read);
}

/** §2.1.3.1. The hashes that lead from entry `index` to the root of the first `size`. */
export const inclusionProof = (index: number, size: number, read: ReadNode): Promise<readonly Uint8Array[]> =>
  pathTo(index, 0, size, read);

/** §2.1.4.1. The hashes that show the first `from` entries to be the beginning of the first `size`. */
export const consistencyProof = (
  from: number,
  size: number,
  read: ReadNode,
): Promise<readonly Uint8Array[]> =>
  from === size || from === 0 ? Promise.resolve([]) : subProof(from, 0, size, true, read);

/** §2.1.3.2. Whether the proof leads from this leaf's hash to the root. */
export function isIncluded(
  leaf: Uint8Array,
  index: number,
  { size, root }: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  let [first, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      hash = nodeHash(sibling, hash);
      while (first % 2 === 0 && first !== 0) [first, last] = [half(first), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [first, last] = [half(first), half(last)];
  }
  return last === 0 && compareBytes(hash, root) === 0;
}

/** §2.1.4.2. Whether the proof shows the list of `earlier` to be the beginning of that of `later`. */
export function isConsistent(
  earlier: { readonly size: number; readonly root: Uint8Array },
  later: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isCount(earlier.size) || !isCount(later.size) || earlier.size > later.size) return false;
  // §2.1.4.1: every list begins with the empty one, and with itself.
  if (earlier.size === 0) return proof.length === 0;
  if (earlier.size === later.size) return proof.length === 0 && compareBytes(earlier.root, later.root) === 0;

  const [start, ...rest] = isPowerOf2(earlier.size) ? [earlier.root, ...proof] : proof;
  if (start === undefined) return false;
  let [first, last] = [earlier.size - 1, later.size - 1];
  while (first % 2 === 1) [first, last] = [half(first), half(last)];
  let [old, whole] = [start, start];
  for (const hash of rest) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      [old, whole] = [nodeHash(hash, old), nodeHash(hash, whole)];
      while (first % 2 === 0 && first !== 0) [first, last] = [half(first), half(last)];
    } else {
      whole = nodeHash(whole, hash);
    }
    [first, last] = [half(first), half(last)];
  }
  return last === 0 && compareBytes(old, earlier.root) === 0 && compareBytes(whole, later.root) === 0;
}

/** The hash over `count` entries from `start`, which is a multiple of the power of 2 at or above `count`. */
async function hashOf(start: number, count: number, read: ReadNode): Promise<Uint8Array> {
  if (isPowerOf2(count)) return read(Math.log2(count), start / count);
  const left = largestBelow(count);
  const [before, after] = [hashOf(start, left, read), hashOf(start + left, count - left, read)];
  return nodeHash(await before, await after);
}

async function pathTo(index: number, start: number, count: number, read: ReadNode): Promise<Uint8Array[]> {
  if (count === 1) return [];
  const left = largestBelow(count);
  return index < left
    ? [...(await pathTo(index, start, left, read)), await hashOf(start + left, count - left, read)]
    : [...(await pathTo(index - left, start + left, count - left, read)), await hashOf(start, left, read)];
}

/** @param isKnown whether this part's hash is the earlier tree's root, so that it need not be told. */
async function subProof(
  from: number,
  start: number,
  count: number,
  isKnown: boolean,
  read: ReadNode,
): Promise<Uint8Array[]> {
  if (from === count) return isKnown ? [] : [await hashOf(start, count, read)];
  const left = largestBelow(count);
  return from <= left
    ? [...(await subProof(from, start, left, isKnown, read)), await hashOf(start + left, count - left, read)]
    : [
        ...(await subProof(from - left, start + left, count - left, false, read)),
        await hashOf(start, left, read),
      ];
}

/** The largest power of 2 below a count above 1; counts are too large for operations on 32 bits. */
function largestBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

const isPowerOf2 = (count: number): boolean => count === 1 || largestBelow(count) * 2 === count;
const half = (value: number): number => Math.floor(value / 2);
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= treeSizeMax;
