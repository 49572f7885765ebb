/**
 * Makes an image of another and their difference, as the difference comes: the precursor is read in small
 * windows, nothing is held but one of them. After the size of the image stand turns, each of three numbers
 * and the bytes that it speaks of: how far to move in the precursor, how many bytes there to add something
 * to, and how many new ones follow.
 */

import { SuitError } from '@lapel/suit';
import type { ByteSink, Decoder } from './decompress.ts';

/** Copies of a part of the image that the difference was made against. */
export type ReadPrecursor = (offset: number, length: number) => Uint8Array;

/** What is read of the precursor at once. */
export const precursorWindowBytes = 256;

/** The window, and eight numbers of four bytes. */
export const patchStateBytes = precursorWindowBytes + 32;

/** A number of 35 bits: more than any size here, and exact. */
const numberBytesMax = 5;
const numbersOfTurn = 3;

/** Bytes of a difference that an image of so many needs at most: a turn makes one of them at least. */
export const patchBytesMax = (imageBytes: number): number =>
  numberBytesMax + imageBytes * (numbersOfTurn * numberBytesMax + 1);

export interface Patching {
  readonly output: ByteSink;
  /** No more than this may come out, whatever the difference says of itself. */
  readonly imageBytesMax: number;
  readonly precursorBytes: number;
  readonly read: ReadPrecursor;
}

/** @throws {SuitError} from `push` and `finish`, where the bytes are no difference. */
export function patcher({ output, imageBytesMax, precursorBytes, read }: Patching): Decoder {
  /** What is to come out in all; undefined until it is known. */
  let sizeBytes: number | undefined;
  /** What the turns so far have spoken for, of the image; and where they are in the precursor. */
  let [spoken, from] = [0, 0];
  /** Bytes of this turn that are to come: to add to the precursor's, and new ones. */
  let [added, fresh] = [0, 0];
  /** Of a turn: the number that is being read, and its bytes so far. */
  let [numbers, value, valueBytes] = [0, 0, 0];
  const isOver = () => sizeBytes === spoken && added === 0 && fresh === 0 && numbers === 0;

  const begin = (size: number): void => {
    if (size > imageBytesMax) throw refused(`an image of at most ${imageBytesMax} bytes`, `${size}`);
    sizeBytes = size;
  };

  const plan = (number: number): void => {
    numbers++;
    if (numbers === 1) {
      // Zigzag: backwards is odd.
      from += number % 2 === 0 ? number / 2 : -(number + 1) / 2;
      if (from < 0 || from > precursorBytes) throw refused(`a place in ${precursorBytes} bytes`, `${from}`);
    } else if (numbers === 2) {
      added = number;
      if (added > precursorBytes - from) {
        throw refused(`at most ${precursorBytes - from} bytes of the precursor`, `${added}`);
      }
    } else {
      fresh = number;
      numbers = 0;
      const left = (sizeBytes ?? 0) - spoken;
      if (added + fresh > left || added + fresh === 0) {
        throw refused(`1 to ${left} bytes in a turn`, `${added + fresh}`);
      }
      spoken += added + fresh;
    }
  };

  const readNumber = (byte: number): void => {
    value += (byte & 0x7f) * 128 ** valueBytes;
    valueBytes++;
    if (byte >= 0x80) {
      if (valueBytes === numberBytesMax) throw refused(`a number of ${numberBytesMax} bytes`, 'a longer one');
      return;
    }
    const number = value;
    [value, valueBytes] = [0, 0];
    if (sizeBytes === undefined) begin(number);
    else plan(number);
  };

  const add = (chunk: Uint8Array): void => {
    const sum = read(from, chunk.length);
    for (let index = 0; index < chunk.length; index++) sum[index] = (sum[index] ?? 0) + (chunk[index] ?? 0);
    from += chunk.length;
    added -= chunk.length;
    output.push(sum);
  };

  return {
    push(chunk) {
      for (let at = 0; at < chunk.length;) {
        if (isOver()) throw refused(`the end after ${spoken} bytes`, 'more');
        if (sizeBytes === undefined || numbers > 0 || added + fresh === 0) {
          readNumber(chunk[at++] ?? 0);
          continue;
        }
        const most = added > 0 ? Math.min(added, precursorWindowBytes) : fresh;
        const part = chunk.subarray(at, at + most);
        at += part.length;
        if (added > 0) {
          add(part);
        } else {
          fresh -= part.length;
          output.push(part);
        }
      }
    },
    finish() {
      if (!isOver()) throw refused(`an image of ${sizeBytes ?? 'some'} bytes`, 'the end of the difference');
    },
  };
}

const refused = (expected: string, found: string) =>
  new SuitError('run', 'operation-failed', `difference: expected ${expected}, found ${found}`);
