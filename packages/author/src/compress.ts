/**
 * Compresses a payload for devices with 2 KiB to spare: `compressedStream` of @lapel/suit tells the code.
 * In each block the cheapest way through is found by its price in bits, so the same bytes always become the
 * same.
 */

import { compressedStream } from '@lapel/suit';
import type { MatchFinder } from './match-finder.ts';
import { matchFinder, matchLength } from './match-finder.ts';

const { windowBits: bits, least, gammaBitsMax, headerBytes } = compressedStream;
const lengthMax = 2 ** (gammaBitsMax + 1) - 1;

/** Bytes that are looked at together: what bounds the memory, and hardly costs anything at the seams. */
const blockBytes = 64 * 1024;
/** A match so long is taken without weighing what else could be done inside it. */
const niceLength = 128;

const literalPrice = 9;
const unreached = 2 ** 32 - 1;

/** Further bits of the gamma code by length; beyond the table a length has been taken already. */
const furtherBits = Uint8Array.from({ length: niceLength + 1 }, (_, value) => 31 - Math.clz32(value | 1));
const gammaPrice = (value: number) => 2 * (furtherBits[value] ?? 31 - Math.clz32(value)) + 1;

export interface CompressOptions {
  /** Binary logarithm of the window: what a device must have room for. */
  readonly windowBits?: number;
}

/** @throws {RangeError} where the window is none that a device knows. */
export function compress(content: Uint8Array, { windowBits = bits.max }: CompressOptions = {}): Uint8Array {
  if (!Number.isInteger(windowBits) || windowBits < bits.min || windowBits > bits.max) {
    throw new RangeError(`expected a window of ${bits.min} to ${bits.max} bits, found ${windowBits}`);
  }
  const out = bitWriter(headerBytes + Math.ceil((content.length * literalPrice) / 8));
  out.write(compressedStream.version, 8);
  out.write(windowBits, 8);
  for (const shift of [24, 16, 8, 0]) out.write((content.length >>> shift) & 0xff, 8);
  const finder = matchFinder(content, 2 ** windowBits);
  const way = blockWay();
  let last: number = compressedStream.firstDistance;
  for (let start = 0; start < content.length; start += blockBytes) {
    const end = Math.min(start + blockBytes, content.length);
    findWay(content, start, end, { finder, windowBits, way, last });
    last = writeWay(content, start, end, { out, windowBits, way, last });
  }
  return out.finish();
}

/** For each place of a block: the price to get there, and the last step of the cheapest way. */
interface Way {
  readonly price: Uint32Array;
  readonly length: Uint16Array;
  /** 0 for a byte as it is. */
  readonly distance: Uint16Array;
  /** The last distance used on the way. */
  readonly last: Uint16Array;
}

const blockWay = (): Way => ({
  price: new Uint32Array(blockBytes + 1),
  length: new Uint16Array(blockBytes + 1),
  distance: new Uint16Array(blockBytes + 1),
  last: new Uint16Array(blockBytes + 1),
});

interface Search {
  readonly finder: MatchFinder;
  readonly windowBits: number;
  readonly way: Way;
  readonly last: number;
}

function findWay(content: Uint8Array, start: number, end: number, search: Search): void {
  const { finder, windowBits, way } = search;
  const { price, last } = way;
  price.fill(unreached);
  price[0] = 0;
  last[0] = search.last;
  for (let at = start; at < end;) {
    const place = at - start;
    const before = price[place] ?? 0;
    const again = last[place] ?? 1;
    const most = Math.min(end - at, lengthMax);
    const repeated = at >= again ? matchLength(content, at, again, most) : 0;
    let longest = repeated;
    if (repeated >= niceLength) {
      step(way, place, repeated, again, before + 2 + gammaPrice(repeated), again);
    } else {
      step(way, place, 1, 0, before + literalPrice, again);
      for (let length: number = least.repeated; length <= repeated; length++) {
        step(way, place, length, again, before + 2 + gammaPrice(length), again);
      }
      // What is no longer than the repetition costs more.
      let reached = Math.max(least.distant - 1, repeated);
      const wanted = { least: reached, most, enough: niceLength };
      for (const { distance, length } of finder.matches(at, wanted)) {
        longest = Math.max(longest, length);
        // Of a long match only the whole: what lies inside is passed over.
        for (let each = length >= niceLength ? length : reached + 1; each <= length; each++) {
          step(way, place, each, distance, before + 2 + windowBits + gammaPrice(each - 1), distance);
        }
        reached = length;
      }
    }
    const next = at + (longest >= niceLength ? longest : 1);
    for (; at < next; at++) finder.add(at);
  }
}

function step(
  { price, length, distance, last }: Way,
  from: number,
  taken: number,
  back: number,
  cost: number,
  remembered: number,
): void {
  const to = from + taken;
  if (cost >= (price[to] ?? 0)) return;
  price[to] = cost;
  length[to] = taken;
  distance[to] = back;
  last[to] = remembered;
}

interface Writing {
  readonly out: BitWriter;
  readonly windowBits: number;
  readonly way: Way;
  readonly last: number;
}

/** Writes the cheapest way; returns the last distance on it. */
function writeWay(content: Uint8Array, start: number, end: number, writing: Writing): number {
  const { out, windowBits, way } = writing;
  const places: number[] = [];
  for (let place = end - start; place > 0; place -= way.length[place] ?? 1) places.push(place);
  let { last } = writing;
  for (const place of places.toReversed()) {
    const distance = way.distance[place] ?? 0;
    const length = way.length[place] ?? 1;
    if (distance === 0) {
      out.write(0x100 | (content[start + place - 1] ?? 0), literalPrice);
      continue;
    }
    if (distance === last) out.write(0b01, 2);
    else out.write(distance - 1, 2 + windowBits);
    const value = length - (distance === last ? least.repeated : least.distant) + 1;
    const further = 31 - Math.clz32(value);
    out.write(0, further);
    out.write(value, further + 1);
    last = distance;
  }
  return last;
}

interface BitWriter {
  /** The lowest `count` bits of a value, of at most 16. */
  write(value: number, count: number): void;
  finish(): Uint8Array;
}

function bitWriter(bytesMax: number): BitWriter {
  const bytes = new Uint8Array(bytesMax);
  let [at, held, free] = [0, 0, 8];
  return {
    write(value, count) {
      for (let left = count; left > 0;) {
        const taken = Math.min(left, free);
        left -= taken;
        free -= taken;
        held |= ((value >>> left) & (2 ** taken - 1)) << free;
        if (free > 0) continue;
        bytes[at++] = held;
        [held, free] = [0, 8];
      }
    },
    finish() {
      if (free < 8) bytes[at++] = held;
      return bytes.slice(0, at);
    },
  };
}
