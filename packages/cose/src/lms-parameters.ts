/**
 * The parameter sets of LM-OTS and LMS with SHA-256 (RFC 8554 §4.1, §5.1), and those with its first 192 bits
 * (RFC 9858). SHAKE is left out: no profile of suit-mti has it.
 */

/** LM-OTS: how one message is signed once. */
export interface OneTimeSet {
  readonly code: number;
  /** Bytes of a hash. */
  readonly n: number;
  /** Bits of a digit: one hash chain signs one digit. */
  readonly w: number;
  /** Chains: the digits of a hash and those of its checksum. */
  readonly p: number;
  /** How far the checksum is shifted to fill its digits from the left. */
  readonly ls: number;
}

/** LMS: a tree with 2^h one-time keys under one root. */
export interface TreeSet {
  readonly code: number;
  readonly n: number;
  readonly h: number;
}

const hashBytes = [32, 24] as const;
const digitBits = [1, 2, 4, 8] as const;
const heights = [5, 10, 15, 20, 25] as const;

// Both registries go up by digit or height within a length of hash: 1 and 5 are the first codes for 32 bytes.
const oneTimeSets = hashBytes.flatMap((n, block) =>
  digitBits.map((w, index) => oneTimeSet(1 + block * digitBits.length + index, n, w)),
);
const treeSets = hashBytes.flatMap((n, block) =>
  heights.map((h, index): TreeSet => ({ code: 5 + block * heights.length + index, n, h })),
);

const oneTimeByCode = new Map(oneTimeSets.map((each) => [each.code, each]));
const treeByCode = new Map(treeSets.map((each) => [each.code, each]));

export const oneTimeSetByCode = (code: number): OneTimeSet | undefined => oneTimeByCode.get(code);
export const treeSetByCode = (code: number): TreeSet | undefined => treeByCode.get(code);

export function oneTimeSetOf(n: number, w: number): OneTimeSet {
  const found = oneTimeSets.find((each) => each.n === n && each.w === w);
  if (found === undefined) throw new RangeError(`expected a set of LM-OTS, found ${n} bytes and ${w} bits`);
  return found;
}

export function treeSetOf(n: number, h: number): TreeSet {
  const found = treeSets.find((each) => each.n === n && each.h === h);
  if (found === undefined) throw new RangeError(`expected a set of LMS, found ${n} bytes and height ${h}`);
  return found;
}

/** RFC 8554 Appendix B: the rest of a set follows from the length of a hash and of a digit. */
function oneTimeSet(code: number, n: number, w: number): OneTimeSet {
  const digits = (8 * n) / w;
  const checksumMax = (2 ** w - 1) * digits;
  const checksumDigits = Math.ceil((Math.floor(Math.log2(checksumMax)) + 1) / w);
  return { code, n, w, p: digits + checksumDigits, ls: 16 - checksumDigits * w };
}
