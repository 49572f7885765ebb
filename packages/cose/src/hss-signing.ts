/**
 * Keys and signatures of HSS/LMS (RFC 8554 §5, §6; Appendix A for the keys from a seed). Everything below the
 * seed is derived from it: the whole state of a key is how many leaves are spent, and a level that vouches
 * for the same tree again does so with the same bytes, not with a second signature.
 */

import { CoseError } from './cose-error.ts';
import type { LmsPublicKey } from './hss-lms.ts';
import { levelsMax, writeHssPublicKey, writeLmsPublicKey } from './hss-lms.ts';
import { joined } from './joined.ts';
import type { LmsTree } from './lms.ts';
import { derived, digitsOf, identifierBytes, innerHash, leafHash } from './lms.ts';
import { messageHash, uint32, walker } from './lms.ts';

/** A secret key: the trees by their parameters, from the top, and what the top one is derived from. */
export interface HssSecret {
  readonly levels: readonly Pick<LmsTree, 'tree' | 'oneTime'>[];
  readonly identifier: Uint8Array;
  readonly seed: Uint8Array;
}

export interface HssSigner {
  /** How many messages the key can sign in all. */
  readonly leaves: number;
  publicKey(): Uint8Array;
  /** The signature by this leaf, which must never sign anything else. */
  sign(leaf: number, message: Uint8Array): Uint8Array;
}

/** A taller tree would take an hour to grow here; a key that is to sign more has more levels. */
const heightMax = 15;
/** Leaves are counted exactly. */
const heightsMax = 50;

/** What Appendix A derives beside the starts of the chains, whose numbers are below these. */
const purpose = { randomizer: 0xfffd, seed: 0xfffe, identifier: 0xffff } as const;

/** A tree with all its nodes; the root is node 1, as in §5.3. */
interface GrownTree extends LmsPublicKey {
  readonly seed: Uint8Array;
  readonly nodes: readonly Uint8Array[];
}

/** Told the share of a tree that has grown, from time to time: a tall one takes minutes. */
export type OnGrown = (share: number) => void;

/** Grows its trees when they are first needed and keeps one of each level. @throws {CoseError} */
export function createHssSigner({ levels, identifier, seed }: HssSecret, onGrown?: OnGrown): HssSigner {
  const heights = levels.reduce((sum, { tree }) => sum + tree.h, 0);
  const [first] = levels;
  const isEven = levels.every(({ tree, oneTime }) => tree.n === seed.length && oneTime.n === seed.length);
  if (first === undefined || levels.length > levelsMax || heights > heightsMax || !isEven) {
    throw new CoseError(
      'algorithm',
      `expected 1 to ${levelsMax} levels with one length of hash, found others`,
    );
  }
  if (levels.some(({ tree }) => tree.h > heightMax)) {
    throw new CoseError('algorithm', `expected trees of height ${heightMax} at most, found a taller one`);
  }
  const grown: { readonly number: number; readonly tree: GrownTree }[] = [];

  /** The tree of this level that is the `number`th from the left. */
  const treeAt = (level: number, number: number): GrownTree => {
    const known = grown[level];
    if (known?.number === number) return known.tree;
    const [parameters, own] = level === 0 ? [{ ...first, identifier }, seed] : childOf(level, number);
    const tree = grow(parameters, own, onGrown);
    grown[level] = { number, tree };
    return tree;
  };
  const childOf = (level: number, number: number): readonly [LmsTree, Uint8Array] => {
    const above = levels[level - 1] ?? first;
    const parent = treeAt(level - 1, Math.floor(number / 2 ** above.tree.h));
    const leaf = number % 2 ** above.tree.h;
    const name = derived(parent, leaf, purpose.identifier, parent.seed).slice(0, identifierBytes);
    return [
      { ...(levels[level] ?? first), identifier: name },
      derived(parent, leaf, purpose.seed, parent.seed),
    ];
  };

  return {
    leaves: 2 ** heights,
    publicKey: () => writeHssPublicKey({ levels: levels.length, top: treeAt(0, 0) }),
    sign(leaf, message) {
      const parts = [uint32(levels.length - 1)];
      let below = heights;
      let number = 0;
      for (const [
        level,
        {
          tree: { h },
        },
      ] of levels.entries()) {
        const tree = treeAt(level, number);
        below -= h;
        number = Math.floor(leaf / 2 ** below);
        const own = number % 2 ** h;
        if (below === 0) parts.push(signLms(tree, own, message));
        else {
          const next = writeLmsPublicKey(treeAt(level + 1, number));
          parts.push(signLms(tree, own, next), next);
        }
      }
      return joined(...parts);
    },
  };
}

/** Leaves between two words on how far a tree has grown: some hundredths of a second. */
const leavesPerWord = 64;

/** §5.3. */
function grow(tree: LmsTree, seed: Uint8Array, onGrown?: OnGrown): GrownTree {
  const count = 2 ** tree.tree.h;
  const nodes: Uint8Array[] = [];
  for (let leaf = 0; leaf < count; leaf++) {
    nodes[count + leaf] = leafOf(tree, leaf, seed);
    if ((leaf + 1) % leavesPerWord === 0) onGrown?.((leaf + 1) / count);
  }
  for (let node = count - 1; node > 0; node--) {
    nodes[node] = innerHash(tree, node, at(nodes, 2 * node), at(nodes, 2 * node + 1));
  }
  return { ...tree, seed, nodes, root: at(nodes, 1) };
}

/** §4.3. */
function leafOf(tree: LmsTree, leaf: number, seed: Uint8Array): Uint8Array {
  const { n, p, w } = tree.oneTime;
  const walk = walker(tree, leaf);
  const ends = new Uint8Array(n * p);
  for (let chain = 0; chain < p; chain++) {
    ends.set(walk(chain, 0, 2 ** w - 1, derived(tree, leaf, chain, seed)), n * chain);
  }
  return leafHash(tree, leaf, ends);
}

/** §4.5, §5.4.1. The randomizer is derived too: the same leaf can't sign one message in two ways. */
function signLms(tree: GrownTree, leaf: number, message: Uint8Array): Uint8Array {
  const { oneTime, seed, nodes } = tree;
  const { h, code } = tree.tree;
  const randomizer = derived(tree, leaf, purpose.randomizer, seed);
  const walk = walker(tree, leaf);
  const digits = digitsOf(oneTime, messageHash(tree, leaf, randomizer, message));
  const chains = digits.map((digit, chain) => walk(chain, 0, digit, derived(tree, leaf, chain, seed)));
  const path = Array.from({ length: h }, (_, level) => at(nodes, ((2 ** h + leaf) >>> level) ^ 1));
  return joined(uint32(leaf), uint32(oneTime.code), randomizer, ...chains, uint32(code), ...path);
}

function at(nodes: readonly Uint8Array[], index: number): Uint8Array {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`expected node ${index} of a grown tree, found none`);
  return node;
}
