/**
 * What packing saves on the way to a device and costs on it: the two releases of the lamp, and a large
 * image of machine code against zlib of Node, which is written in C and has 32 KiB for a window.
 */

import { readFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { compress, delta } from '@lapel/author';
import { digest } from '@lapel/cose';
import type { Figure } from '../../../tools/figure.ts';
import type { Format, Precursor } from '../src/payload/processing.ts';
import { payloadSink } from '../src/payload/processing.ts';

const lamp = new URL('../../../examples/lamp/build/', import.meta.url);
const older = read(new URL('lamp-1.0.0.bin', lamp));
const newer = read(new URL('lamp-1.1.0.bin', lamp));
/** Machine code that is there wherever this runs. */
const large = read(process.execPath).subarray(0, 2 * 2 ** 20);
/** As a network brings them. */
const chunkBytes = 1024;

export const figures: readonly Figure[] = [
  {
    room: 'device',
    name: 'size of a difference, lamp 1.0.0 to 1.1.0',
    unit: '× the image',
    aim: '≤ 0.1',
    atMost: 0.1,
    measure: () => delta(older, newer).length / newer.length,
  },
  {
    room: 'device',
    name: 'size of a compressed image, lamp 1.1.0',
    unit: '× its size with zlib',
    aim: '≤ 1.1',
    atMost: 1.1,
    measure: () => compress(newer).length / deflateRawSync(newer, { level: 9 }).length,
  },
  {
    room: 'device',
    name: 'decompress an image, machine code',
    unit: '× the time of zlib',
    aim: '≤ 40',
    atMost: 40,
    measure: decompressing,
  },
  {
    room: 'device',
    name: 'apply a difference, machine code moved by some bytes',
    unit: '× the time of zlib to inflate the image',
    aim: '≤ 15',
    atMost: 15,
    measure: patching,
  },
];

function decompressing(): number {
  const payload = compress(large);
  const ownMs = elapsedMs(() => unpack({ name: 'compressed', sizeBytes: payload.length }, payload));
  return ownMs / inflatingMs();
}

function patching(): number {
  const at = large.length / 2;
  const precursor = new Uint8Array(large.length + 3);
  precursor.set(large.subarray(0, at));
  precursor.set(large.subarray(at), at + 3);
  const payload = delta(precursor, large);
  const figuresOf = { digest: digest('sha-256', precursor), sizeBytes: precursor.length };
  const format: Format = { name: 'delta', sizeBytes: payload.length, precursor: figuresOf };
  const held: Precursor = {
    sizeBytes: precursor.length,
    precursorDigest: () => figuresOf.digest,
    read: (offset, length) => precursor.slice(offset, offset + length),
  };
  return elapsedMs(() => unpack(format, payload, held)) / inflatingMs();
}

function inflatingMs(): number {
  const deflated = deflateRawSync(large, { level: 9 });
  return elapsedMs(() => void inflateRawSync(deflated));
}

function unpack(format: Format, payload: Uint8Array, precursor?: Precursor): void {
  let length = 0;
  const output = { offset: 0, push: (chunk: Uint8Array) => void (length += chunk.length) };
  const sink = payloadSink({ format, output, imageBytesMax: large.length, precursor });
  for (let at = 0; at < payload.length; at += chunkBytes) sink.push(payload.subarray(at, at + chunkBytes));
  sink.finish();
  if (length !== large.length) throw new Error(`expected ${large.length} bytes, found ${length}`);
}

function elapsedMs(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

function read(path: string | URL): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
