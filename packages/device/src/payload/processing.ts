/**
 * From the bytes that are fetched to those of the image, by the format that the manifest names. A step keeps
 * nothing over a restart: it begins anew then, and what the image has already is made again and dropped.
 */

import { hex } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { ByteSink } from './decompress.ts';
import { decompressStateBytes, decompressor } from './decompress.ts';
import type { Format } from './format.ts';
import type { ReadPrecursor } from './patch.ts';
import { patchBytesMax, patchStateBytes, patcher } from './patch.ts';

export { readFormat } from './format.ts';
export type { Format } from './format.ts';
export type { ReadPrecursor } from './patch.ts';

/** What a device needs to have free for all of it: less than 2.6 KiB. */
export const processingStateBytes = decompressStateBytes + patchStateBytes;

/** The image that is installed. */
export interface Precursor {
  readonly sizeBytes: number;
  /** SHA-256 over all of it, as it lies in storage now. */
  precursorDigest(): Uint8Array;
  readonly read: ReadPrecursor;
}

/** Where the image goes, front to back. */
export interface ImageOutput extends ByteSink {
  /** Bytes of the image that are there: at the start, those that the caller has found to be sound. */
  readonly offset: number;
}

/** Takes the payload, front to back, however it is cut. */
export interface PayloadSink extends ByteSink {
  /** Bytes of the payload taken so far: where a fetch goes on. */
  readonly offset: number;
  /** @throws {SuitError} where more had to come. */
  finish(): void;
}

export interface Processing {
  readonly format: Format;
  readonly output: ImageOutput;
  /** Of the image: no more comes out, whatever the payload says. */
  readonly imageBytesMax: number;
  /** Undefined where nothing is installed. */
  readonly precursor: Precursor | undefined;
}

/**
 * @throws {SuitError} where the precursor is not the one that the payload was made for: nothing has come
 * out. From `push` and `finish`, where the payload is not what its format says.
 */
export function payloadSink({ format, output, imageBytesMax, precursor }: Processing): PayloadSink {
  if (format.name === 'raw') {
    return {
      get offset() {
        return output.offset;
      },
      push: (chunk) => output.push(chunk),
      finish() {},
    };
  }
  const image = withoutStart(output);
  if (format.name === 'compressed') return counted(decompressor(image, imageBytesMax), image.finish);
  const { sizeBytes: precursorBytes, read } = requirePrecursor(format, precursor);
  // RFC 9124 §4.5.7: the author made a difference, and then compressed it.
  const patch = patcher({ output: image, imageBytesMax, precursorBytes, read });
  const finish = (): void => {
    patch.finish();
    image.finish();
  };
  return counted(decompressor(patch, patchBytesMax(imageBytesMax)), finish);
}

/**
 * RFC 9124 §4.3.9: that the precursor is the right one is proved before the first byte is written. Whoever
 * erases anything before there is a sink asks here first.
 * @throws {SuitError} where it is another, or none.
 */
export function requirePrecursor(
  { precursor: wanted }: Extract<Format, { readonly name: 'delta' }>,
  precursor: Precursor | undefined,
): Precursor {
  const expected = `expected a precursor of ${wanted.sizeBytes} bytes with sha-256 ${hex(wanted.digest)}`;
  if (precursor?.sizeBytes !== wanted.sizeBytes) {
    const found = precursor === undefined ? 'none' : `one of ${precursor.sizeBytes} bytes`;
    throw new SuitError('run', 'condition-failed', `${expected}, found ${found}`);
  }
  const digest = precursor.precursorDigest();
  if (equalInConstantTime(digest, wanted.digest)) return precursor;
  throw new SuitError('run', 'condition-failed', `${expected}, found sha-256 ${hex(digest)}`);
}

interface Step extends ByteSink {
  finish(): void;
}

/** A step that counts what it takes. */
function counted(step: Step, afterwards: () => void): PayloadSink {
  let offset = 0;
  return {
    get offset() {
      return offset;
    },
    push(chunk) {
      step.push(chunk);
      offset += chunk.length;
    },
    finish() {
      step.finish();
      afterwards();
    },
  };
}

/** Drops what the image had before the step began anew. */
function withoutStart(output: ImageOutput): Step {
  let there = output.offset;
  return {
    push(chunk) {
      const dropped = Math.min(there, chunk.length);
      there -= dropped;
      if (dropped < chunk.length) output.push(chunk.subarray(dropped));
    },
    finish() {
      if (there === 0) return;
      const message = `expected all that an earlier attempt has left, found an image ${there} bytes shorter`;
      throw new SuitError('run', 'operation-failed', message);
    },
  };
}
