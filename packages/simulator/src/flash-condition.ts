/**
 * What a chip is beside its bytes: which granules were programmed, which bits waver, what cannot be read, how
 * worn it is. None of it shows in a copy of the bytes, and all of it outlives a power cut.
 */

import { FlashFault, erasedByte } from '@lapel/device';
import type { Span } from './flash-space.ts';
import { overlap } from './flash-space.ts';
import type { Remains } from './flash-tear.ts';
import { seededRandom } from './random.ts';

/** A granule that cannot be read: until it was tried once, until its page is erased, or never again. */
export type BadGranule = Span & { readonly until: 'read' | 'erased' | 'never' };

/** What a chip takes along into its next life. */
export interface Carried {
  /** A byte for each of the flash: not 0 where nothing can be programmed before the page is erased. */
  readonly programmed: Uint8Array;
  /** By address the bits that waver. */
  readonly unstable: ReadonlyMap<number, number>;
  readonly bad: readonly BadGranule[];
  /** How often a page was erased, by its address. */
  readonly erases: ReadonlyMap<number, number>;
  readonly bytesProgrammed: number;
  /** What wavering bits are drawn under. */
  readonly seed: number;
}

/** The same in a life, in which it changes. */
export interface Condition {
  readonly programmed: Uint8Array;
  readonly unstable: Map<number, number>;
  bad: readonly BadGranule[];
  readonly erases: Map<number, number>;
  bytesProgrammed: number;
  seed: number;
  /** How often wavering bits were read. */
  readings: number;
}

export function conditionOf(bytes: number, carried: Carried | undefined): Condition {
  if (carried !== undefined && carried.programmed.length !== bytes) {
    throw new RangeError(`expected what ${bytes} bytes of flash carry, found ${carried.programmed.length}`);
  }
  return {
    programmed: carried?.programmed.slice() ?? new Uint8Array(bytes),
    unstable: new Map(carried?.unstable),
    bad: carried?.bad ?? [],
    erases: new Map(carried?.erases),
    bytesProgrammed: carried?.bytesProgrammed ?? 0,
    seed: carried?.seed ?? 0,
    readings: 0,
  };
}

/** The next life reads wavering bits in its own way. */
export const carry = ({ readings, ...condition }: Condition): Carried => ({
  ...condition,
  programmed: condition.programmed.slice(),
  unstable: new Map(condition.unstable),
  erases: new Map(condition.erases),
  seed: seededRandom(condition.seed).fork(`after ${readings} readings`).seed,
});

/** A granule that was begun counts, even where it still reads erased. */
export function markProgram(condition: Condition, address: number, remains: Remains): void {
  condition.programmed.fill(1, address, address + remains.begun);
  condition.bytesProgrammed += remains.begun;
}

/** A whole erase mends all but what is broken for ever; one that was begun and torn mends nothing. */
export function markErase(condition: Condition, page: Span, { begun, isWhole }: Remains): void {
  const { address, bytes } = page;
  if (begun === 0) return;
  condition.erases.set(address, (condition.erases.get(address) ?? 0) + 1);
  condition.programmed.fill(isWhole ? 0 : 1, address, address + bytes);
  if (!isWhole) return;
  for (const at of condition.unstable.keys()) {
    if (overlap(page, { address: at, bytes: 1 })) condition.unstable.delete(at);
  }
  condition.bad = condition.bad.filter((each) => each.until !== 'erased' || !overlap(page, each));
}

/** What a cut left that cannot be relied on until it is erased. */
export function markDamage(
  condition: Condition,
  address: number,
  remains: Remains,
  granuleBytes: number,
): void {
  const { unstable, unreadable } = remains;
  unstable?.bits.forEach((bits, offset) => bits !== 0 && condition.unstable.set(address + offset, bits));
  condition.seed = unstable?.seed ?? condition.seed;
  const bad = unreadable.map((offset) => {
    return { address: address + offset, bytes: granuleBytes, until: 'erased' } as const;
  });
  condition.bad = [...condition.bad, ...bad];
}

/** The `bytes` at an address as they are found this time. @throws {FlashFault} */
export function seen(condition: Condition, address: number, bytes: Uint8Array): Uint8Array {
  const place = { address, bytes: bytes.length };
  const bad = condition.bad.find((each) => overlap(each, place));
  if (bad !== undefined) {
    if (bad.until === 'read') condition.bad = condition.bad.filter((each) => each !== bad);
    throw new FlashFault(
      `expected to read ${bytes.length} bytes at ${address}, found ${bad.address} damaged`,
    );
  }
  const wavering = [...condition.unstable].filter(([at]) => overlap(place, { address: at, bytes: 1 }));
  if (wavering.length === 0) return bytes;
  const draw = reading(condition);
  const found = bytes.slice();
  for (const [at, bits] of wavering) {
    found[at - address] = ((bytes[at - address] ?? erasedByte) & ~bits) | (draw() & bits);
  }
  return found;
}

/**
 * Wavering bits lean to one side in one reading and to the other in the next: what was to be there can be
 * read whole, and what was there before too, and either of them twice in a row.
 */
function reading(condition: Condition): () => number {
  const random = seededRandom(condition.seed).fork(`reading ${condition.readings++}`);
  const leaning = random.below(3);
  if (leaning === 0) return () => 0;
  return leaning === 1 ? () => erasedByte : () => random.below(256);
}
