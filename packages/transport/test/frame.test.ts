/** Frames arrive as they were sent, or not at all, whatever the line does to their bytes. */

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { checksum, encodeFrame, frameReader } from '@lapel/transport/frame';

const payloadBytesMax = 600;
const rounds = 300;

/** Numbers below a limit, from a seed (mulberry32). */
function chance(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

type Below = ReturnType<typeof chance>;

/** Often full of zeros, often without any: both are what COBS is about. */
function payload(below: Below): Uint8Array {
  const values = [256, 2, 1][below(3)] ?? 256;
  const from = below(2);
  return Uint8Array.from({ length: 1 + below(payloadBytesMax) }, () => from + below(values - from || 1));
}

function pieces(line: Uint8Array, below: Below): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < line.length;) {
    const end = at + 1 + below(40);
    found.push(line.subarray(at, end));
    at = end;
  }
  return found;
}

const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const received = (chunks: readonly Uint8Array[]): readonly string[] => {
  const reader = frameReader(payloadBytesMax);
  return chunks.flatMap((chunk) => reader.push(chunk)).map(hexOf);
};

function property(name: string, prove: (below: Below) => void): void {
  test(name, () => {
    const first = randomInt(2 ** 31);
    for (let round = 0; round < rounds; round++) {
      try {
        prove(chance(first + round));
      } catch (error) {
        throw new Error(`seed ${first + round}`, { cause: error });
      }
    }
  });
}

property('S4-46: frames arrive whole and in order, however the line cuts them into pieces', (below) => {
  const sent = Array.from({ length: 5 }, () => payload(below));
  const line = joined(sent.map(encodeFrame));
  assert.deepEqual(received(pieces(line, below)), sent.map(hexOf));
});

property('S4-46: pieces that are lost or come twice cost frames, and never change one', (below) => {
  const sent = Array.from({ length: 8 }, () => payload(below));
  const chunks = pieces(joined(sent.map(encodeFrame)), below).flatMap((chunk) => {
    const fate = below(20);
    return fate === 0 ? [] : fate === 1 ? [chunk, chunk] : [chunk];
  });
  const known = new Set(sent.map(hexOf));
  for (const each of received(chunks)) assert.ok(known.has(each));
});

property('S4-46: noise inside a frame drops that frame alone', (below) => {
  const sent = Array.from({ length: 3 }, () => payload(below));
  const [before, hit, after] = sent.map(encodeFrame);
  assert.ok(before !== undefined && hit !== undefined && after !== undefined);
  const at = 1 + below(hit.length - 2);
  hit[at] = (hit[at] ?? 0) ^ (1 + below(255));
  const found = received(pieces(joined([before, hit, after]), below));
  assert.deepEqual(
    found,
    [sent[0], sent[2]].map((each) => hexOf(each ?? new Uint8Array())),
  );
});

property('S4-46: noise between frames, zeros or not, costs none of them', (below) => {
  const sent = [payload(below), payload(below)];
  const noise = () => Uint8Array.from({ length: below(2000) }, () => below(256));
  const line = joined([noise(), ...sent.flatMap((each) => [encodeFrame(each), noise()])]);
  const found = received(pieces(line, below));
  assert.deepEqual(found, sent.map(hexOf));
});

test('S4-46: an encoded frame has zeros at its ends only, and grows by one byte in 254 and seven', () => {
  for (let length = 1; length <= 1024; length++) {
    const line = encodeFrame(new Uint8Array(length).fill(length % 3));
    assert.equal(line[0], 0);
    assert.equal(line.indexOf(0, 1), line.length - 1);
    assert.ok(line.length <= length + Math.ceil((length + 4) / 254) + 7);
  }
});

test('S4-46: a frame that is longer than the reader takes is dropped, and the next one is not', () => {
  const reader = frameReader(16);
  assert.deepEqual(reader.push(encodeFrame(new Uint8Array(17).fill(7))), []);
  assert.deepEqual(reader.push(new Uint8Array(100_000).fill(5)), []);
  const fits = new Uint8Array(16).fill(9);
  assert.deepEqual(reader.push(encodeFrame(fits)), [fits]);
});

test('S4-46: an empty payload is no frame, to whoever writes and to whoever reads', () => {
  assert.throws(() => encodeFrame(new Uint8Array()), {
    message: 'expected a payload of one byte or more, found none',
  });
  // Nothing, and the checksum of nothing, which is zero.
  const empty = Uint8Array.of(0, 1, 1, 1, 1, 1, 0);
  assert.deepEqual(frameReader(16).push(empty), []);
});

test('the checksum is CRC-32 as everybody else computes it', () => {
  assert.equal(checksum(new TextEncoder().encode('123456789')), 0xcbf43926);
});
