/**
 * How the power goes in the middle of an operation, as data, and what that leaves in the cells. NOR flash
 * that is cut off does worse than stop: bits come to rest between zero and one, and error correction finds
 * granules that it cannot mend.
 */

import { erasedByte } from '@lapel/device';
import type { SeededRandom } from './random.ts';
import { seededRandom } from './random.ts';

/** A program is done granule by granule, an erase in all of its page at once. */
export type Torn = Clean | Ragged;

/** No granule is in the middle. */
type Clean =
  | { readonly kind: 'before' }
  /** So many granules are done, and the rest never began. With all of them the power goes right behind it. */
  | { readonly kind: 'prefix'; readonly granules: number };

/** One granule of a program is in the middle, or the page that is erased. */
interface Ragged {
  /**
   * bits: some of its bits are done, and stay so.
   * metastable: the bits that were to change read one way or the other, each time anew.
   * ecc: as bits, and error correction gives up on what is neither old nor new.
   */
  readonly kind: 'bits' | 'metastable' | 'ecc';
  readonly seed: number;
  /** Granules before the one in the middle; drawn under the seed where absent. */
  readonly granules?: number;
}

/** What lies in the place of an operation. */
export interface Remains {
  readonly bytes: Uint8Array;
  /** Bytes of the place that the operation has reached. */
  readonly begun: number;
  /** Whether it was done to its end. */
  readonly isWhole: boolean;
  /** For each byte its bits that waver, and what they are drawn under. */
  readonly unstable?: { readonly bits: Uint8Array; readonly seed: number };
  /** Offsets of the granules that cannot be read. */
  readonly unreadable: readonly number[];
}

/** What a program of `bytes` into erased granules leaves; all of it where nothing tears it. */
export function programRemains(bytes: Uint8Array, granuleBytes: number, torn: Torn | undefined): Remains {
  const result = new Uint8Array(bytes.length).fill(erasedByte);
  if (!isRagged(torn)) return cleanRemains(result, bytes, granuleBytes, torn);
  const { random, at } = middle(torn, bytes.length, granuleBytes);
  const granule = bytes.subarray(at, at + granuleBytes);
  const half = granule.map((byte) => byte | random.below(256));
  result.set(bytes.subarray(0, at));
  result.set(half, at);
  const bits = new Uint8Array(bytes.length);
  bits.set(granule.map(zeros), at);
  return {
    bytes: result,
    begun: at + granule.length,
    isWhole: false,
    ...(torn.kind === 'metastable' ? { unstable: { bits, seed: torn.seed } } : {}),
    unreadable: torn.kind === 'ecc' ? [at] : [],
  };
}

/** What an erase of the page that holds `before` leaves: bits rise all over it, and none falls. */
export function eraseRemains(before: Uint8Array, granuleBytes: number, torn: Torn | undefined): Remains {
  const after = new Uint8Array(before.length).fill(erasedByte);
  if (!isRagged(torn)) return cleanRemains(before, after, granuleBytes, torn);
  const { random, at } = middle(torn, before.length, granuleBytes);
  const share = random.fraction();
  const bytes = before.map((byte) => byte | (random.fraction() < share ? erasedByte : random.below(256)));
  const unreadable: number[] = [];
  for (let offset = 0; torn.kind === 'ecc' && offset < bytes.length; offset += granuleBytes) {
    const old = before.subarray(offset, offset + granuleBytes);
    const now = bytes.subarray(offset, offset + granuleBytes);
    const isOld = now.every((byte, index) => byte === old[index]);
    const isErased = now.every((byte) => byte === erasedByte);
    if (offset === at || (!isOld && !isErased)) unreadable.push(offset);
  }
  return {
    bytes,
    begun: bytes.length,
    isWhole: false,
    ...(torn.kind === 'metastable' ? { unstable: { bits: before.map(zeros), seed: torn.seed } } : {}),
    unreadable,
  };
}

const isRagged = (torn: Torn | undefined): torn is Ragged =>
  torn !== undefined && torn.kind !== 'before' && torn.kind !== 'prefix';

function cleanRemains(
  before: Uint8Array,
  after: Uint8Array,
  granuleBytes: number,
  torn: Clean | undefined,
): Remains {
  const done = torn?.kind === 'prefix' ? torn.granules * granuleBytes : 0;
  const begun = torn === undefined ? after.length : Math.min(done, after.length);
  const bytes = before.slice();
  bytes.set(after.subarray(0, begun));
  return { bytes, begun, isWhole: begun === after.length, unreadable: [] };
}

/** Where the granule lies that is in the middle. */
function middle(
  { seed, granules }: Ragged,
  bytes: number,
  granuleBytes: number,
): { readonly random: SeededRandom; readonly at: number } {
  const random = seededRandom(seed);
  const all = bytes / granuleBytes;
  const whole = Math.min(granules ?? random.below(all), Math.max(0, all - 1));
  return { random, at: whole * granuleBytes };
}

/** The bits of a byte that are 0. */
const zeros = (byte: number) => byte ^ erasedByte;
