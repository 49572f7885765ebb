/** What is fuzzed: something that draws an input, and says what must hold of it. */

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
