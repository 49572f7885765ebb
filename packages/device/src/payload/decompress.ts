/**
 * Undoes the author's compression as the bytes come, in a window and a few numbers: `compressedStream` of
 * @lapel/suit tells the code. Whoever made the bytes is not trusted: no more comes out than was said before,
 * and what cannot be is refused.
 */

import { SuitError, compressedStream } from '@lapel/suit';

const { version, headerBytes, windowBits: bits, least, gammaBitsMax, firstDistance } = compressedStream;

/** What takes bytes in order. A chunk is valid until `push` returns: who wants to keep it copies it. */
export interface ByteSink {
  push(chunk: Uint8Array): void;
}

export interface Decoder extends ByteSink {
  /** @throws {SuitError} where more had to come. */
  finish(): void;
}

/** The window, and ten numbers of four bytes. */
export const decompressStateBytes = 2 ** bits.max + 40;

/** What the next bits are. */
type Field = 'header' | 'kind' | 'byte' | 'again' | 'distance' | 'zeros' | 'length';

/**
 * @param outputBytesMax no more than this may come out, whatever the stream says of itself
 * @throws {SuitError} from `push` and `finish`, where the bytes are no such stream
 */
export function decompressor(output: ByteSink, outputBytesMax: number): Decoder {
  let window = new Uint8Array();
  /** Where the next byte goes in the window, and where what was not handed on begins. */
  let [at, kept] = [0, 0];
  let [sizeBytes, done, header] = [0, 0, 0];
  let distance: number = firstDistance;
  let field: Field = 'header';
  /** Bits that the field still needs, and those that it has. */
  let [needed, value] = [8, 0];
  let [zeros, shortest] = [0, 0];
  const isOver = () => header === headerBytes && done === sizeBytes;

  const next = (name: Field, count: number): void => {
    [field, needed, value] = [name, count, 0];
  };

  const handOn = (): void => {
    if (at > kept) output.push(window.subarray(kept, at));
    kept = at;
  };

  const put = (byte: number): void => {
    window[at++] = byte;
    done++;
    if (at < window.length) return;
    handOn();
    [at, kept] = [0, 0];
  };

  const repeat = (length: number): void => {
    if (distance > done) throw refused(`a distance of at most ${done} bytes`, `${distance}`);
    if (length > sizeBytes - done) throw refused(`at most ${sizeBytes - done} bytes more`, `${length}`);
    const mask = window.length - 1;
    for (let left = length; left > 0; left--) put(window[(at - distance) & mask] ?? 0);
  };

  const readHeader = (): void => {
    header++;
    if (header === 1) {
      if (value !== version) throw refused(`a compressed payload of version ${version}`, `${value}`);
    } else if (header === 2) {
      if (value < bits.min || value > bits.max) {
        throw refused(`a window of ${bits.min} to ${bits.max} bits`, `${value}`);
      }
      window = new Uint8Array(2 ** value);
    } else {
      sizeBytes = sizeBytes * 256 + value;
    }
    next(header < headerBytes ? 'header' : 'kind', header < headerBytes ? 8 : 1);
    if (header === headerBytes && sizeBytes > outputBytesMax) {
      throw refused(`at most ${outputBytesMax} bytes in a payload`, `${sizeBytes}`);
    }
  };

  /** The field has all its bits. */
  const complete = (): void => {
    switch (field) {
      case 'header':
        return readHeader();
      case 'kind':
        return value === 1 ? next('byte', 8) : next('again', 1);
      case 'byte':
        put(value);
        return next('kind', 1);
      case 'again':
        [zeros, shortest] = [0, value === 1 ? least.repeated : least.distant];
        return value === 1 ? next('zeros', 1) : next('distance', Math.log2(window.length));
      case 'distance':
        distance = value + 1;
        return next('zeros', 1);
      case 'zeros':
        if (value === 0 && ++zeros > gammaBitsMax) throw refused('the end of a length', 'more zeros');
        if (value === 0) return next('zeros', 1);
        next('length', zeros);
        // The one that ended the zeros is the highest bit of what follows.
        value = 1;
        return zeros === 0 ? complete() : undefined;
      case 'length':
        repeat(value - 1 + shortest);
        return next('kind', 1);
    }
  };

  const take = (byte: number): void => {
    if (isOver()) throw refused(`the end after ${sizeBytes} bytes`, 'more');
    for (let left = 8; left > 0;) {
      const taken = Math.min(needed, left);
      left -= taken;
      needed -= taken;
      value = (value << taken) | ((byte >> left) & (2 ** taken - 1));
      if (needed === 0) complete();
      if (!isOver()) continue;
      if ((byte & (2 ** left - 1)) !== 0) throw refused('zeros behind the end', 'something else');
      return;
    }
  };

  return {
    push(chunk) {
      for (const byte of chunk) take(byte);
      handOn();
    },
    finish() {
      if (!isOver()) throw refused(`${sizeBytes} bytes from a compressed payload`, `${done}`);
    },
  };
}

const refused = (expected: string, found: string) =>
  new SuitError('run', 'operation-failed', `expected ${expected}, found ${found}`);
