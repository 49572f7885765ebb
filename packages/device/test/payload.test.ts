/** Payloads that are packed: an author's encoders against a device's decoders. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { encode, write } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import { compress, delta } from '@lapel/author';
import { seededRandom } from '@lapel/simulator';
import { PayloadFormat, SuitError, compressedStream } from '@lapel/suit';
import { decompressor } from '../src/payload/decompress.ts';
import type { Format } from '../src/payload/format.ts';
import { readFormat } from '../src/payload/format.ts';
import { processingStateBytes } from '../src/payload/processing.ts';
import type { Device } from './payloads.ts';
import { compressed, deltaFrom, images, lampImage, seed, unpack } from './payloads.ts';

const chunkings = [1, 2, 3, 7, 64, 1024, 2 ** 20];
const windows = [4, 6, 8, 11];

const operationFailed = { name: 'SuitError', stage: 'run', reason: 'operation-failed' };

for (const [name, image] of Object.entries(images)) {
  test(`S4-112: what was compressed comes out as it was, however it is cut: ${name}`, () => {
    for (const windowBits of windows) {
      const payload = compress(image, { windowBits });
      for (const chunkBytes of windowBits === compressedStream.windowBits.max ? chunkings : [100]) {
        const device = { imageBytesMax: image.length, chunkBytes };
        const made = unpack(compressed(payload), payload, device);
        assert.deepEqual(made.image, image, `window ${windowBits}, chunks of ${chunkBytes}, seed ${seed}`);
      }
    }
  });
}

const pairs: readonly (readonly [from: string, to: string])[] = [
  ['lamp 1.0.0', 'lamp 1.1.0'],
  ['lamp 1.1.0', 'lamp 1.0.0'],
  ['lamp 1.0.0', 'lamp 1.0.0'],
  ['empty', 'lamp 1.1.0'],
  ['lamp 1.1.0', 'empty'],
  ['one byte', 'chance'],
  ['chance', 'a table'],
  ['one byte again and again', 'a table'],
];

for (const [from, to] of pairs) {
  test(`S4-05: a difference makes exactly the new image of the old one: ${from} to ${to}`, () => {
    const [installed, image] = [images[from], images[to]];
    assert.ok(installed !== undefined && image !== undefined);
    const payload = delta(installed, image);
    for (const chunkBytes of chunkings) {
      const device: Device = { imageBytesMax: image.length, installed, chunkBytes };
      assert.deepEqual(unpack(deltaFrom(installed, payload), payload, device).image, image);
    }
  });
}

test('S4-05: images that differ in every way at random are made of each other', () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 60; round++) {
    const installed = random.bytes(random.below(3000));
    const image = rearranged(installed, random);
    const payload = delta(installed, image);
    const device = { imageBytesMax: image.length, installed, chunkBytes: 1 + random.below(300) };
    const made = unpack(deltaFrom(installed, payload), payload, device);
    assert.deepEqual(made.image, image, `round ${round}, seed ${seed}`);
  }
});

test('S4-05: a new release of the lamp travels as a tenth of itself', () => {
  const payload = delta(lampImage('1.0.0'), lampImage('1.1.0'));
  assert.ok(payload.length * 10 < lampImage('1.1.0').length, `${payload.length} bytes`);
});

test('S4-112, S4-05: the same images become the same bytes', () => {
  const [installed, image] = [lampImage('1.0.0'), lampImage('1.1.0')];
  assert.deepEqual(compress(image), compress(image.slice()));
  assert.deepEqual(delta(installed, image), delta(installed.slice(), image.slice()));
});

test('X-09, X-48: with another precursor, or none, nothing comes out and nothing is read', () => {
  const [precursor, image] = [lampImage('1.0.0'), lampImage('1.1.0')];
  const payload = delta(precursor, image);
  const flipped = precursor.slice();
  flipped[5000] = (flipped[5000] ?? 0) ^ 1;
  for (const installed of [flipped, image, precursor.subarray(1), new Uint8Array(), undefined]) {
    const device = { imageBytesMax: image.length, ...(installed === undefined ? {} : { installed }) };
    const onOutput = () => assert.fail('something came out');
    assert.throws(() => unpack(deltaFrom(precursor, payload), payload, device, onOutput), {
      name: 'SuitError',
      reason: 'condition-failed',
      message: /expected a precursor of 9736 bytes with sha-256 8c177470\w+, found /,
    });
  }
});

test('S4-112, S4-05: after a restart a device makes again what it has, and goes on behind it', () => {
  const [installed, image] = [lampImage('1.0.0'), lampImage('1.1.0')];
  for (const payload of [compress(image), delta(installed, image)]) {
    const format = payload.length > 5000 ? compressed(payload) : deltaFrom(installed, payload);
    for (const there of [0, 1, 2048, 8192, image.length - 1, image.length]) {
      let started = false;
      const device = { imageBytesMax: image.length, installed, there: image.subarray(0, there) };
      assert.deepEqual(unpack(format, payload, device, () => void (started = true)).image, image);
      assert.equal(started, there < image.length);
    }
    const longer = { imageBytesMax: 20_000, installed, there: new Uint8Array(image.length + 1) };
    assert.throws(() => unpack(format, payload, longer), operationFailed);
  }
});

test('S4-05: an image that is not packed passes as it is, from where the writer stands', () => {
  const image = lampImage('1.1.0');
  assert.deepEqual(unpack({ name: 'raw' }, image, { imageBytesMax: image.length }).image, image);
});

/** A payload that may be anything: it is refused, or makes something that is no longer than it may be. */
function requireTame(format: Format, payload: Uint8Array, device: Device): Uint8Array | undefined {
  try {
    return unpack(format, payload, device).image;
  } catch (error) {
    if (!(error instanceof SuitError)) throw error;
    assert.match(error.message, /expected .+, found ./);
    return undefined;
  }
}

const small = new TextEncoder().encode('a lamp is a lamp is a lamp, '.repeat(6));
const smaller = small.slice(20, 150);

for (const [name, payload, format] of [
  ['compressed', compress(small), compressed(compress(small))],
  ['a delta', delta(smaller, small), deltaFrom(smaller, delta(smaller, small))],
] as const) {
  const device = { imageBytesMax: small.length, installed: smaller };

  test(`S4-112, S4-50: a payload that was cut short anywhere is refused: ${name}`, () => {
    for (let length = 0; length < payload.length; length++) {
      assert.throws(() => unpack(format, payload.subarray(0, length), device), operationFailed);
    }
  });

  test(`S4-112, S4-50: a payload with anything behind it is refused: ${name}`, () => {
    for (const byte of [0, 1, 0x80, 0xff]) {
      const longer = Uint8Array.of(...payload, byte);
      for (const chunkBytes of [1, 4096]) {
        assert.throws(() => unpack(format, longer, { ...device, chunkBytes }), operationFailed);
      }
    }
  });

  test(`S4-112, S4-50: one or two flipped bits make no more than the image may have: ${name}`, () => {
    const bits = payload.length * 8;
    const flip = (bytes: Uint8Array, bit: number) => {
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    };
    let refused = 0;
    for (let bit = 0; bit < bits; bit++) {
      const changed = payload.slice();
      flip(changed, bit);
      if (requireTame(format, changed, device) === undefined) refused++;
      for (let second = 0; second < bits; second += 11) {
        const twice = changed.slice();
        flip(twice, second);
        requireTame(format, twice, device);
      }
    }
    assert.ok(refused > bits / 4, `${refused} of ${bits} refused`);
  });

  test(`S4-112, S4-50: a payload that makes more than the image may have is refused: ${name}`, () => {
    const onOutput = () => assert.fail('something came out');
    const less = { ...device, imageBytesMax: small.length - 1 };
    assert.throws(() => unpack(format, payload, less, onOutput), operationFailed);
  });
}

test('S4-50: bytes of chance are refused, or make no more than the image may have', () => {
  const random = seededRandom(seed);
  const { version, windowBits } = compressedStream;
  for (let round = 0; round < 3000; round++) {
    const header = [version, windowBits.min + random.below(8), 0, 0, random.below(2), random.below(256)];
    const payload = Uint8Array.of(...header, ...random.bytes(random.below(80)));
    const device = { imageBytesMax: 300, installed: small };
    for (const format of [compressed(payload), deltaFrom(small, payload)])
      requireTame(format, payload, device);
  }
});

test('S4-112: the decoders need less than 2.6 KiB, and a larger window is refused before it is made', () => {
  assert.ok(processingStateBytes < 2.6 * 1024, `${processingStateBytes} bytes`);
  const [installed, image] = [lampImage('1.0.0'), lampImage('1.1.0')];
  const payload = delta(installed, image);
  const device = { imageBytesMax: image.length, installed, chunkBytes: 2 ** 20 };
  const { chunkBytesMost, readBytesMost } = unpack(deltaFrom(installed, payload), payload, device);
  assert.ok(readBytesMost <= 256 && chunkBytesMost <= 2048, `${readBytesMost}, ${chunkBytesMost}`);
  const packed = compress(image);
  const largest = unpack(compressed(packed), packed, device).chunkBytesMost;
  assert.equal(largest, 2 ** compressedStream.windowBits.max);
  for (const bits of [0, 3, 12, 31, 255]) {
    const larger = packed.slice();
    larger[1] = bits;
    assert.throws(
      () => unpack(compressed(larger), larger, device),
      /expected a window of 4 to 11 bits, found/,
    );
  }
});

test('X-28: a difference is made first and then compressed, and a device goes the other way', () => {
  const payload = delta(smaller, small);
  const difference: number[] = [];
  const decoder = decompressor({ push: (chunk) => void difference.push(...chunk) }, 10_000);
  decoder.push(payload);
  decoder.finish();
  const again = compress(Uint8Array.from(difference));
  const device = { imageBytesMax: small.length, installed: smaller };
  assert.deepEqual(unpack(deltaFrom(smaller, again), again, device).image, small);
  const otherWay = delta(smaller, compress(small));
  assert.notDeepEqual(requireTame(compressed(otherWay), otherWay, device), small);
});

const precursor = { digest: digest('sha-256', small), sizeBytes: small.length };

test('S4-112, S4-05: a format that is known is read with all that it needs', () => {
  const written = (format: PayloadFormat) => readFormat(write(PayloadFormat, format));
  assert.deepEqual(readFormat(undefined), { name: 'raw' });
  assert.deepEqual(written({ version: 1, sizeBytes: 5 }), { name: 'raw', sizeBytes: 5 });
  assert.deepEqual(written({ version: 1, format: 'compressed', sizeBytes: 5 }), {
    name: 'compressed',
    sizeBytes: 5,
  });
  assert.deepEqual(written({ version: 1, format: 'delta', sizeBytes: 5, precursor }), {
    name: 'delta',
    sizeBytes: 5,
    precursor,
  });
});

test('X-28: a format that is not known is refused, and said', () => {
  const figures = (digestBytes: number) =>
    new Map<Item, Item>([
      [1, new Uint8Array(digestBytes)],
      [2, 9],
    ]);
  const known: Readonly<Record<number, Item>> = { 1: 1, 2: 1, 3: 99 };
  const written = (changes: Readonly<Record<number, Item>>): Uint8Array => {
    const pairs = Object.entries({ ...known, ...changes });
    return encode(new Map(pairs.filter(([, item]) => item !== undefined).map(([key, item]) => [+key, item])));
  };
  assert.equal(readFormat(written({})).name, 'compressed');
  const unknown: readonly Uint8Array[] = [
    new Uint8Array(),
    Uint8Array.of(0xff),
    encode('compressed'),
    Uint8Array.of(...written({}), 0),
    written({ 1: 2 }),
    written({ 2: 3 }),
    written({ 3: undefined }),
    written({ 4: figures(32) }),
    written({ 5: 0 }),
    written({ 2: 2 }),
    written({ 2: 2, 4: figures(31) }),
  ];
  for (const fetchArguments of unknown) {
    assert.throws(() => readFormat(fetchArguments), {
      name: 'SuitError',
      stage: 'run',
      reason: 'parameter-unsupported',
      message: /^fetch arguments: .*expected/,
    });
  }
});

/** Parts of an image moved, changed, taken away and put in. */
function rearranged(image: Uint8Array, random: ReturnType<typeof seededRandom>): Uint8Array {
  let bytes = [...image];
  for (let left = random.below(6); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    const length = random.below(400);
    const part = bytes.slice(at, at + length);
    const how = random.below(4);
    if (how === 0) bytes.splice(at, length);
    else if (how === 1) bytes.splice(at, 0, ...random.bytes(length));
    else if (how === 2) bytes.splice(random.below(bytes.length + 1), 0, ...part);
    else bytes = bytes.map((byte, index) => (index >= at && index % 5 === 0 ? byte + 4 : byte) & 0xff);
  }
  return Uint8Array.from(bytes);
}
