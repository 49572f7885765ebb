/**
 * Where in the window before a place the same bytes stand: chains of places that begin with the same three.
 */

/** Places looked at behind one: beyond, the gain is small and the time is not. */
const chainMax = 32;
const hashBits = 15;

export interface Match {
  readonly distance: number;
  readonly length: number;
}

export interface Wanted {
  readonly least: number;
  readonly most: number;
  readonly enough: number;
}

export interface MatchFinder {
  /** Each longer than the one before, and the first than `least`; stops at the first of `enough`. */
  matches(at: number, { least, most, enough }: Wanted): readonly Match[];
  /** Every place is added, in order, after it was asked for. */
  add(at: number): void;
}

/** How many bytes at `at` are the same as those `distance` before them; they may overlap. */
export function matchLength(content: Uint8Array, at: number, distance: number, most: number): number {
  let length = 0;
  while (length < most && content[at + length] === content[at + length - distance]) length++;
  return length;
}

export function matchFinder(content: Uint8Array, windowBytes: number): MatchFinder {
  /** By two bytes, the last place that begins with them. */
  const pairs = new Int32Array(2 ** 16).fill(-1);
  /** By the hash of three bytes, the last such place; and before each place in the window, another. */
  const heads = new Int32Array(2 ** hashBits).fill(-1);
  const earlier = new Int32Array(windowBytes);
  const pairAt = (at: number) => ((content[at] ?? 0) << 8) | (content[at + 1] ?? 0);
  const hashAt = (at: number) =>
    Math.imul((pairAt(at) << 8) | (content[at + 2] ?? 0), 0x9e3779b1) >>> (32 - hashBits);

  return {
    matches(at, { least, most, enough }) {
      const found: Match[] = [];
      if (most <= least) return found;
      const isNear = (place: number) => place >= 0 && at - place <= windowBytes;
      /** The longest so far, this place counted. */
      const withPlace = (place: number, best: number): number => {
        // What cannot be longer is not measured.
        if (content[place + best] !== content[at + best]) return best;
        const length = matchLength(content, at, at - place, most);
        if (length > best) found.push({ distance: at - place, length });
        return Math.max(length, best);
      };
      const pair = pairs[pairAt(at)] ?? -1;
      let best = isNear(pair) ? withPlace(pair, least) : least;
      let place = most < 3 ? -1 : (heads[hashAt(at)] ?? -1);
      for (let left = chainMax; left > 0 && isNear(place) && best < enough; left--) {
        best = withPlace(place, best);
        const next = earlier[place % windowBytes] ?? -1;
        // An entry that a later place has taken over leads forward: the chain has left the window.
        place = next < place ? next : -1;
      }
      return found;
    },
    add(at) {
      if (at + 1 >= content.length) return;
      pairs[pairAt(at)] = at;
      if (at + 2 >= content.length) return;
      const hash = hashAt(at);
      earlier[at % windowBytes] = heads[hash] ?? -1;
      heads[hash] = at;
    },
  };
}
