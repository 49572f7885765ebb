/**
 * Where an image goes on as another one does, moved by some bytes. Exact matches are the seeds; each grows
 * over the bytes around it as long as most of them stay as they are, which is how code looks whose
 * addresses moved.
 */

/** Bytes of the new image from `start`, and how far ahead the same ones stand in the old one. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
  readonly shift: number;
}

/** What a seed has in common at least. */
const seedBytes = 8;
/** By how many bytes another place must be better than to go on as before: what a turn costs. */
const gainMin = 8;
/** What goes on so far without a change is followed; a match so long is good enough. */
const steady = 64;
/** Places looked at for one seed: beyond, they are stretches of one byte or tables. */
const chainMax = 16;
const hashBits = 18;

/** In order and without gaps but for what is new; the first begins where the image does. */
export function findStretches(old: Uint8Array, image: Uint8Array): readonly Stretch[] {
  const seeds = findSeeds(old, image);
  const stretches: Stretch[] = [];
  let start = 0;
  seeds.forEach(({ start: begins, length, shift }, index) => {
    const next = seeds[index + 1];
    const end = begins + length;
    const until = next?.start ?? image.length;
    let forward = reach(until - end, (step) => image[end + step] === old[end + step + shift]);
    let backward = 0;
    if (next !== undefined) {
      const isSame = (step: number) => image[until - 1 - step] === old[until - 1 - step + next.shift];
      backward = reach(until - end, isSame);
      const both = forward + backward - (until - end);
      if (both > 0) {
        const kept = split(old, image, { at: end + forward - both, length: both, shift, next: next.shift });
        forward += kept - both;
        backward -= kept;
      }
    }
    stretches.push({ start, length: end + forward - start, shift });
    start = until - backward;
  });
  return stretches;
}

/** How far it pays to go on: where twice as many bytes are the same as not, seen as a whole. */
function reach(most: number, isSame: (step: number) => boolean): number {
  let [score, best, length] = [0, 0, 0];
  for (let step = 0; step < most; step++) {
    score += isSame(step) ? 1 : -1;
    if (score <= best) continue;
    [best, length] = [score, step + 1];
  }
  return length;
}

interface Overlap {
  readonly at: number;
  readonly length: number;
  readonly shift: number;
  readonly next: number;
}

/** How many bytes of an overlap are better left to the stretch before it. */
function split(old: Uint8Array, image: Uint8Array, { at, length, shift, next }: Overlap): number {
  let [score, best, kept] = [0, 0, 0];
  for (let step = 0; step < length; step++) {
    const byte = image[at + step];
    if (byte === old[at + step + shift]) score++;
    if (byte === old[at + step + next]) score--;
    if (score <= best) continue;
    [best, kept] = [score, step + 1];
  }
  return kept;
}

/** Exact matches, each better than to go on as the one before; the first is the beginning, of no length. */
function findSeeds(old: Uint8Array, image: Uint8Array): readonly Stretch[] {
  const places = placesIn(old);
  const seeds: Stretch[] = [{ start: 0, length: 0, shift: 0 }];
  let shift = 0;
  for (let at = 0; at < image.length;) {
    const onwards = sameBytes(image, at, old, at + shift);
    if (onwards >= steady) {
      at += onwards;
      continue;
    }
    const { place, length } = places.longest(image, at);
    let same = 0;
    for (let step = 0; step < length; step++) if (image[at + step] === old[at + step + shift]) same++;
    if (length - same <= gainMin) {
      at += Math.max(1, onwards);
      continue;
    }
    shift = place - at;
    seeds.push({ start: at, length, shift });
    at += length;
  }
  return seeds;
}

function sameBytes(image: Uint8Array, at: number, old: Uint8Array, place: number): number {
  const most = Math.min(image.length - at, old.length - place);
  let length = 0;
  while (length < most && image[at + length] === old[place + length]) length++;
  return length;
}

/** The old image's places by what begins there. */
function placesIn(old: Uint8Array) {
  const heads = new Int32Array(2 ** hashBits).fill(-1);
  const later = new Int32Array(old.length);
  for (let place = old.length - seedBytes; place >= 0; place--) {
    const hash = hashAt(old, place);
    later[place] = heads[hash] ?? -1;
    heads[hash] = place;
  }
  return {
    longest(image: Uint8Array, at: number): { readonly place: number; readonly length: number } {
      let [best, length] = [0, 0];
      if (at + seedBytes > image.length) return { place: best, length };
      let place = heads[hashAt(image, at)] ?? -1;
      for (let left = chainMax; left > 0 && place >= 0 && length < steady; left--) {
        // What cannot be longer is not measured.
        if (image[at + length] === old[place + length]) {
          const found = sameBytes(image, at, old, place);
          if (found > length) [best, length] = [place, found];
        }
        place = later[place] ?? -1;
      }
      return { place: best, length };
    },
  };
}

function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let step = 0; step < seedBytes; step++) hash = Math.imul(hash ^ (bytes[at + step] ?? 0), 0x01000193);
  return Math.imul(hash, 0x9e3779b1) >>> (32 - hashBits);
}
