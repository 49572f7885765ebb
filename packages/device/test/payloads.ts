/** Images of every kind, and what a device makes of the payloads that an author makes of them. */

import { readFileSync } from 'node:fs';
import { digest } from '@lapel/cose';
import { seededRandom } from '@lapel/simulator';
import type { Format } from '../src/payload/format.ts';
import type { Precursor } from '../src/payload/processing.ts';
import { payloadSink } from '../src/payload/processing.ts';

const lamp = new URL('../../../examples/lamp/build/', import.meta.url);
export const lampImage = (version: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`lamp-${version}.bin`, lamp)));

export const seed = 112;

/** By what they are. */
export const images: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(),
  'one byte': Uint8Array.of(7),
  chance: seededRandom(seed).bytes(5000),
  'one byte again and again': new Uint8Array(200_000).fill(0xff),
  'a table': Uint8Array.from({ length: 9000 }, (_, index) => (index % 4 === 0 ? index >> 4 : 0)),
  'a text': new TextEncoder().encode('lamp on, lamp off, dim the lamp; '.repeat(300)),
  'lamp 1.0.0': lampImage('1.0.0'),
  'lamp 1.1.0': lampImage('1.1.0'),
};

export const compressed = (payload: Uint8Array): Format => ({
  name: 'compressed',
  sizeBytes: payload.length,
});

export const deltaFrom = (precursor: Uint8Array, payload: Uint8Array): Format => ({
  name: 'delta',
  sizeBytes: payload.length,
  precursor: { digest: digest('sha-256', precursor), sizeBytes: precursor.length },
});

export interface Device {
  readonly imageBytesMax: number;
  /** The image that is installed. */
  readonly installed?: Uint8Array;
  /** What an attempt before a restart has left. */
  readonly there?: Uint8Array;
  /** How many bytes come at once. */
  readonly chunkBytes?: number;
}

export interface Made {
  readonly image: Uint8Array;
  /** The longest chunk that came out, and the most that was read at once. */
  readonly chunkBytesMost: number;
  readonly readBytesMost: number;
}

/** Everything that the payload makes; `onOutput` is told before anything comes out. */
export function unpack(format: Format, payload: Uint8Array, device: Device, onOutput = () => {}): Made {
  const { imageBytesMax, installed, there = new Uint8Array(), chunkBytes = 1024 } = device;
  const image: number[] = [...there];
  let [chunkBytesMost, readBytesMost] = [0, 0];
  const output = {
    get offset() {
      return image.length;
    },
    push(chunk: Uint8Array) {
      onOutput();
      chunkBytesMost = Math.max(chunkBytesMost, chunk.length);
      image.push(...chunk);
      if (image.length > imageBytesMax) throw new Error(`more than ${imageBytesMax} bytes came out`);
    },
  };
  const precursor =
    installed === undefined
      ? undefined
      : flashWith(installed, (length) => {
          readBytesMost = Math.max(readBytesMost, length);
        });
  const sink = payloadSink({ format, output, imageBytesMax, precursor });
  for (let at = 0; at < payload.length; at += chunkBytes) {
    if (sink.offset !== (format.name === 'raw' ? image.length : at)) throw new Error('the offset is wrong');
    sink.push(payload.subarray(at, at + chunkBytes));
  }
  sink.finish();
  return { image: Uint8Array.from(image), chunkBytesMost, readBytesMost };
}

function flashWith(installed: Uint8Array, onRead: (length: number) => void): Precursor {
  return {
    sizeBytes: installed.length,
    precursorDigest: () => digest('sha-256', installed),
    read(offset, length) {
      onRead(length);
      if (offset + length > installed.length) throw new Error(`read behind ${installed.length} bytes`);
      return installed.slice(offset, offset + length);
    },
  };
}
