/**
 * Verification of HSS/LMS (RFC 8554 §5.4.2, §6.3; in COSE after RFC 8778). A key of several levels is a tree
 * whose leaves sign the roots of further trees; the lowest signs the message.
 */

import { CoseError } from './cose-error.ts';
import { joined } from './joined.ts';
import type { LmsTree } from './lms.ts';
import { digitsOf, identifierBytes, innerHash, leafHash, messageHash, uint32, walker } from './lms.ts';
import { oneTimeSetByCode, treeSetByCode } from './lms-parameters.ts';

export interface LmsPublicKey extends LmsTree {
  readonly root: Uint8Array;
}

export interface HssPublicKey {
  readonly levels: number;
  readonly top: LmsPublicKey;
}

/** §6. */
export const levelsMax = 8;
const rootAt = 8 + identifierBytes;

/** @throws {CoseError} where the bytes are no public key of HSS with SHA-256. */
export function readHssPublicKey(bytes: Uint8Array): HssPublicKey {
  const levels = bytes.length < 4 ? 0 : uint32At(bytes, 0);
  const top = readLmsPublicKey(bytes.subarray(4));
  if (levels < 1 || levels > levelsMax || top === undefined || bytes.length !== 4 + lmsKeyBytes(top)) {
    throw new CoseError('malformed', 'expected a public key of HSS-LMS with SHA-256, found other bytes');
  }
  return { levels, top };
}

export const writeHssPublicKey = ({ levels, top }: HssPublicKey): Uint8Array =>
  joined(uint32(levels), writeLmsPublicKey(top));

export function writeLmsPublicKey({ tree, oneTime, identifier, root }: LmsPublicKey): Uint8Array {
  return joined(uint32(tree.code), uint32(oneTime.code), identifier, root);
}

/**
 * Whether the signature is the key's own over the message. Every level is proved before anything below it is
 * looked at, so the work is bounded by what the holder of the key has signed.
 */
export function verifyHss(key: HssPublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length < 4 || uint32At(signature, 0) !== key.levels - 1) return false;
  let signer = key.top;
  let at = 4;
  for (let level = 1; level < key.levels; level++) {
    const signed = at + lmsSignatureBytes(signer);
    const next = readLmsPublicKey(signature.subarray(signed));
    if (next === undefined) return false;
    const below = signed + lmsKeyBytes(next);
    if (!verifyLms(signer, signature.subarray(signed, below), signature.subarray(at, signed))) return false;
    [signer, at] = [next, below];
  }
  return verifyLms(signer, message, signature.subarray(at));
}

/** §5.3: the public key at the front of these bytes, or undefined where there is none. */
function readLmsPublicKey(bytes: Uint8Array): LmsPublicKey | undefined {
  if (bytes.length < rootAt) return undefined;
  const tree = treeSetByCode(uint32At(bytes, 0));
  const oneTime = oneTimeSetByCode(uint32At(bytes, 4));
  // SP 800-208 §4: one hash function within a key.
  if (tree === undefined || oneTime === undefined || tree.n !== oneTime.n) return undefined;
  if (bytes.length < rootAt + tree.n) return undefined;
  return { tree, oneTime, identifier: bytes.slice(8, rootAt), root: bytes.slice(rootAt, rootAt + tree.n) };
}

const lmsKeyBytes = ({ tree }: LmsTree): number => rootAt + tree.n;

/** The one length that a signature under these parameters has. */
const lmsSignatureBytes = ({ tree, oneTime }: LmsTree): number =>
  12 + oneTime.n * (1 + oneTime.p) + tree.n * tree.h;

function verifyLms(key: LmsPublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const root = lmsRoot(key, message, signature);
  return root !== undefined && root.every((byte, index) => byte === key.root[index]);
}

/**
 * Algorithm 6a of §5.4.2: the root to which a signature leads, or undefined where it is none of such a tree.
 * It holds leaf number, one-time signature (set, randomizer, chains), set of the tree, path to the root.
 */
export function lmsRoot(key: LmsTree, message: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const { tree, oneTime } = key;
  const { n, p, w } = oneTime;
  if (signature.length !== lmsSignatureBytes(key)) return undefined;
  const [leaf, chainsAt] = [uint32At(signature, 0), 8 + n];
  const pathAt = chainsAt + n * p + 4;
  if (leaf >= 2 ** tree.h || uint32At(signature, 4) !== oneTime.code) return undefined;
  if (uint32At(signature, pathAt - 4) !== tree.code) return undefined;

  const digits = digitsOf(oneTime, messageHash(key, leaf, signature.subarray(8, chainsAt), message));
  const walk = walker(key, leaf);
  const ends = new Uint8Array(n * p);
  for (const [chain, digit] of digits.entries()) {
    const shown = signature.subarray(chainsAt + n * chain, chainsAt + n * (chain + 1));
    ends.set(walk(chain, digit, 2 ** w - 1, shown), n * chain);
  }

  let node = leafHash(key, leaf, ends);
  for (let level = 0; level < tree.h; level++) {
    const sibling = signature.subarray(pathAt + n * level, pathAt + n * (level + 1));
    const number = (2 ** tree.h + leaf) >>> level;
    const [left, right] = number % 2 === 1 ? [sibling, node] : [node, sibling];
    node = innerHash(key, number >>> 1, left, right);
  }
  return node;
}

const uint32At = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
