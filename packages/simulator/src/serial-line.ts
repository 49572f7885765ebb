/** A serial line that loses, repeats and changes bytes under a seed, and cuts them where it likes. */

import type { SeededRandom } from './random.ts';

export interface LineFaults {
  readonly random: SeededRandom;
  /** Of the pieces that it carries, the share that is lost, comes twice, or has a byte changed. */
  readonly lossShare?: number;
  readonly repeatShare?: number;
  readonly noiseShare?: number;
}

const pieceBytesMax = 240;

/** What arrives of these bytes, in its pieces. */
export function overLine(bytes: Uint8Array, faults: LineFaults): readonly Uint8Array[] {
  const { random, lossShare = 0, repeatShare = 0, noiseShare = 0 } = faults;
  const arrived: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random.below(pieceBytesMax);
    const piece = bytes.slice(at, end);
    at = end;
    if (random.fraction() < lossShare) continue;
    if (random.fraction() < noiseShare) piece[random.below(piece.length)] = random.below(256);
    arrived.push(piece);
    if (random.fraction() < repeatShare) arrived.push(piece);
  }
  return arrived;
}
