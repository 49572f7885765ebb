/** What is fuzzed: something that draws an input, and says what must hold of it. */

import type { CborError } from '@lapel/cbor';
import { compareBytes } from '@lapel/cbor';
import type { CoseError } from '@lapel/cose';
import type { SuitError } from '@lapel/suit';
import type { DescriptionError } from '@lapel/author';
import { mutant } from './fuzz-tree.ts';
import type { SeededRandom } from './random.ts';

export interface FuzzCase {
  readonly input: Uint8Array;
  /** @throws where what must hold does not: that is a finding. */
  readonly check: () => void;
}

export interface FuzzTarget {
  readonly name: string;
  /** A case that comes of these draws and nothing else. */
  draw(random: SeededRandom): FuzzCase;
}

/** What an input broke, in words. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** Undefined for what takes anything, and never throws. */
type Refusal = typeof CborError | typeof CoseError | typeof SuitError | typeof DescriptionError | undefined;

/** @param act reads the input; it returns nothing that is wrong, and throws nothing but the refusal. */
export function target(
  name: string,
  originals: readonly Uint8Array[],
  refusal: Refusal,
  act: (input: Uint8Array) => void,
): FuzzTarget {
  return {
    name,
    draw(random) {
      const input = mutant(originals[random.below(originals.length)] ?? new Uint8Array(), random);
      return { input, check: refusing(refusal, () => act(input)) };
    },
  };
}

export const refusing = (refusal: Refusal, act: () => void) => (): void => {
  try {
    act();
  } catch (error) {
    if (refusal === undefined || !(error instanceof refusal)) throw error;
  }
};

export function requireWritten(input: Uint8Array, written: Uint8Array): void {
  // §4.2.1 of RFC 8949: one item has one encoding here.
  if (compareBytes(input, written) !== 0) throw new Broken('what was read is written otherwise');
}
