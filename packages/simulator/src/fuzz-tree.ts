/**
 * CBOR as a tree that is changed at random where its structure is: byte strings that hold CBOR are opened,
 * so that a change lands in a sequence within a manifest as easily as in the frame around it.
 */

import type { Item } from '@lapel/cbor';
import { CborError, Float, Simple, Tagged, decode, encode } from '@lapel/cbor';
import type { SeededRandom } from './random.ts';

/** A byte string that held CBOR, opened; it is closed again when the tree is written. */
class Opened {
  readonly content: Tree;
  constructor(content: Tree) {
    this.content = content;
  }
}
export type Tree = Item | Opened | readonly Tree[] | ReadonlyMap<Tree, Tree>;

/** Undefined for bytes that are no CBOR of ours. */
export function treeOf(bytes: Uint8Array): Tree | undefined {
  return decoded(() => open(decode(bytes)));
}

/** Undefined for a tree that has no encoding, such as one with two equal keys. */
export function bytesOf(tree: Tree): Uint8Array | undefined {
  return decoded(() => encode(close(tree)));
}

/** A few changes of the tree; where what comes of it has no encoding, then of its bytes. */
export function mutant(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const tree = treeOf(bytes);
  if (tree === undefined || random.below(4) === 0) return damaged(bytes, random);
  const changed = bytesOf(mutated(tree, random));
  if (changed === undefined) return damaged(bytes, random);
  return random.below(8) === 0 ? damaged(changed, random) : changed;
}

/** One to three changes, each at any node. */
export function mutated(tree: Tree, random: SeededRandom): Tree {
  let result = tree;
  for (let left = random.below(3); left >= 0; left--) {
    const donor = nodeAt(tree, random.below(sizeOf(tree)));
    result = changedAt(result, random.below(sizeOf(result)), donor, random);
  }
  return result;
}

/** Bytes flipped, set, cut, doubled, or put in; a head made to promise another length. */
export function damaged(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const result = [...bytes];
  for (let left = random.below(4); left >= 0; left--) {
    const at = random.below(result.length + 1);
    const byte = result[at] ?? 0;
    const more = 1 + random.below(8);
    const choices: readonly (() => unknown)[] = [
      () => (result[at] = byte ^ (1 << random.below(8))),
      () => (result[at] = random.below(256)),
      () => (result[at] = (byte & 0xe0) | random.below(32)),
      () => result.splice(at, more),
      () => result.splice(at, 0, ...result.slice(at, at + more)),
      () => result.splice(at, 0, ...random.bytes(more)),
      () => result.splice(at, 1, (byte & 0xe0) | 27, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
      () => (result.length = at),
    ];
    choices[random.below(choices.length)]?.();
  }
  return Uint8Array.from(result);
}

function open(item: Item): Tree {
  if (item instanceof Uint8Array) return item.length < 2 ? item : (opened(item) ?? item);
  if (item instanceof Tagged) return item;
  if (Array.isArray(item)) return (item as readonly Item[]).map(open);
  if (item instanceof Map)
    return new Map([...(item as ReadonlyMap<Item, Item>)].map(([key, value]) => [open(key), open(value)]));
  return item;
}

function opened(bytes: Uint8Array): Tree | undefined {
  const inner = decoded(() => decode(bytes));
  return typeof inner === 'object' && inner !== null ? new Opened(open(inner)) : undefined;
}

function close(tree: Tree): Item {
  if (tree instanceof Opened) return encode(close(tree.content));
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map(close);
  if (tree instanceof Map)
    return new Map([...(tree as ReadonlyMap<Tree, Tree>)].map(([key, value]) => [close(key), close(value)]));
  return tree as Item;
}

const oddities: readonly Tree[] = [
  ...[...Array(37).keys(), 98, 99, 107, 255, -1, -16, -256, -257, 2 ** 32, 2 ** 53 - 1],
  ...[2n ** 64n - 1n, -(2n ** 64n), true, false, null, undefined, '', '#fw', 'x'.repeat(3000), '\ufeff'],
  ...[new Uint8Array(), new Uint8Array(16), new Uint8Array(32), Uint8Array.of(0xff), new Uint8Array(5000)],
  ...[[], [1, 1], [0, 1], [[0]], [-16, new Uint8Array(32)], new Map(), new Map([[1, 1]])],
  ...[new Float(1.5), new Float(NaN), new Simple(99), new Tagged(112, Uint8Array.of(1)), new Tagged(18, [])],
  ...[new Opened([]), new Opened(new Map()), Array.from({ length: 300 }, () => 15), nest(20), nest(40)],
  new Opened([3, 15, 15, [new Uint8Array([0x82, 0x0e, 0]), null]]),
];

function nest(depth: number): Tree {
  return depth === 0 ? 0 : [nest(depth - 1)];
}

function childrenOf(tree: Tree): readonly Tree[] {
  if (tree instanceof Opened) return [tree.content];
  if (tree instanceof Tagged) return [tree.content];
  if (tree instanceof Map) return [...(tree as ReadonlyMap<Tree, Tree>)].flat();
  return Array.isArray(tree) ? (tree as readonly Tree[]) : [];
}

const sizeOf = (tree: Tree): number => childrenOf(tree).reduce<number>((sum, each) => sum + sizeOf(each), 1);

function nodeAt(tree: Tree, target: number): Tree {
  let left = target - 1;
  for (const child of target === 0 ? [] : childrenOf(tree)) {
    const size = sizeOf(child);
    if (left < size) return nodeAt(child, left);
    left -= size;
  }
  return tree;
}

function changedAt(tree: Tree, target: number, donor: Tree, random: SeededRandom): Tree {
  if (target === 0) return changed(tree, donor, random);
  let left = target - 1;
  const children = childrenOf(tree).map((child) => {
    const size = sizeOf(child);
    const here = left >= 0 && left < size;
    const next = here ? changedAt(child, left, donor, random) : child;
    left -= size;
    return next;
  });
  if (tree instanceof Opened) return new Opened(children[0]);
  if (tree instanceof Tagged) return new Tagged(tree.tag, close(children[0]));
  if (Array.isArray(tree)) return children;
  return new Map(children.flatMap((key, index) => (index % 2 === 0 ? [[key, children[index + 1]]] : [])));
}

/**
 * Another node in the place of this one: one from elsewhere in the tree, an oddity, a neighbour of its
 * value, one with a part more or less or in another order.
 */
function changed(tree: Tree, donor: Tree, random: SeededRandom): Tree {
  const oddity = oddities[random.below(oddities.length)];
  const how = random.below(8);
  if (how === 0) return oddity;
  if (how === 1) return donor;
  if (typeof tree === 'number') return tree + ([1, -1, 256, -2 * tree][random.below(4)] ?? 0);
  if (typeof tree === 'string') return [`${tree}x`, tree.slice(1), `${tree}\u0000`][random.below(3)];
  if (tree instanceof Uint8Array) return how < 4 ? damaged(tree, random) : tree.subarray(random.below(2) + 1);
  if (tree instanceof Opened) return how < 5 ? [tree.content] : tree.content;
  if (tree instanceof Tagged) return how < 5 ? new Tagged(tree.tag + 1, tree.content) : tree.content;
  if (tree instanceof Map)
    return changedMap(tree as ReadonlyMap<Tree, Tree>, how < 5 ? donor : oddity, random);
  return Array.isArray(tree)
    ? changedArray(tree as readonly Tree[], how < 5 ? donor : oddity, random)
    : oddity;
}

function changedMap(tree: ReadonlyMap<Tree, Tree>, value: Tree, random: SeededRandom): Tree {
  const pairs = [...tree];
  const at = random.below(pairs.length + 1);
  const other = pairs[random.below(pairs.length + 1)];
  const how = random.below(4);
  if (how === 0) return new Map(pairs.toSpliced(at, 1));
  if (how === 1) return new Map([...pairs, [random.below(30), value]]);
  if (how === 2) return new Map(pairs.toSpliced(at, 1, [pairs[at]?.[0] ?? 0, other?.[1] ?? value]));
  return new Map(pairs.toSpliced(at, 1, [random.below(30) - 2, pairs[at]?.[1] ?? value]));
}

/** Most arrays are sequences: pairs of command and argument are moved together. */
function changedArray(tree: readonly Tree[], value: Tree, random: SeededRandom): Tree {
  const step = random.below(3) === 0 ? 1 : 2;
  const places = Math.floor(tree.length / step) + 1;
  const [at, to] = [random.below(places) * step, random.below(places) * step];
  const moved = tree.slice(at, at + step);
  switch (random.below(5)) {
    case 0:
      return tree.toSpliced(at, step);
    case 1:
      return tree.toSpliced(to, 0, ...moved);
    case 2:
      return tree.toSpliced(at, step).toSpliced(to, 0, ...moved);
    case 3:
      return tree.toSpliced(at, 0, random.below(34), value);
    default:
      return tree.slice(0, at);
  }
}

function decoded<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
