/**
 * Contents in pieces of any size, in bounded memory. The library encrypts whole contents only; its stream
 * ciphers, its GHASH and its Poly1305 make the same of pieces (NIST SP 800-38D §7; RFC 8439 §2.8; RFC 9459).
 */

import type { ContentAlgorithm } from '@lapel/cose';
import { contentAlgorithms } from '@lapel/cose';
import type { ContentSecret } from '@lapel/cose/crypto';
import { GHASH } from '@noble/ciphers/_polyval.js';
import { Poly1305 } from '@noble/ciphers/_poly1305.js';
import { ctr } from '@noble/ciphers/aes.js';
import { chacha20 } from '@noble/ciphers/chacha.js';

export interface ContentCipher {
  /** Plaintext to ciphertext, or the way back: of a stream cipher they are the same. */
  apply(piece: Uint8Array): Uint8Array;
  /** Takes ciphertext into the tag. */
  absorb(ciphertext: Uint8Array): void;
  /** Empty where the algorithm has none. */
  tag(): Uint8Array;
}

/** SP 800-38D §5.2.1.1: 2^39 − 256 bits. */
const gcmBytesMax = 2 ** 36 - 32;
/** RFC 8439 §2.8. */
const chachaBytesMax = (2 ** 32 - 1) * 64;
/** RFC 9459 §4.1 has no bound that a content could reach; a number in JavaScript has. */
const ctrBytesMax = Number.MAX_SAFE_INTEGER;

const aesBlockBytes = 16;
const chachaBlockBytes = 64;
const macBlockBytes = 16;

export function contentCipher({ algorithm, key, iv, additional }: ContentSecret): ContentCipher {
  requireLength(algorithm, 'keyBytes', key);
  requireLength(algorithm, 'ivBytes', iv);
  switch (algorithm) {
    case 'A128GCM':
    case 'A192GCM':
    case 'A256GCM':
      return galoisCounter(key, iv, additional);
    case 'ChaCha20/Poly1305':
      return chachaPoly(key, iv, additional);
    case 'A128CTR':
    case 'A192CTR':
    case 'A256CTR':
      return {
        apply: inBlocks(aesBlockBytes, ctrBytesMax, (block, bytes) =>
          ctr(key, counterAt(iv, block)).encrypt(bytes),
        ),
        absorb: () => undefined,
        tag: () => new Uint8Array(),
      };
  }
}

function galoisCounter(key: Uint8Array, iv: Uint8Array, additional: Uint8Array): ContentCipher {
  const zeros = new Uint8Array(aesBlockBytes);
  const hashKey = ctr(key, zeros).encrypt(zeros);
  const first = new Uint8Array(aesBlockBytes);
  first.set(iv);
  first[aesBlockBytes - 1] = 1;
  const mac = new GHASH(hashKey);
  // What is left of a block, it fills with zeros by itself: so pieces must be whole blocks.
  mac.update(additional);
  const ciphertext = wholeBlocks((blocks) => void mac.update(blocks));
  return {
    apply: inBlocks(aesBlockBytes, gcmBytesMax, (block, bytes) =>
      ctr(key, counterAt(first, block + 1)).encrypt(bytes),
    ),
    absorb: ciphertext.add,
    tag() {
      mac.update(ciphertext.rest());
      mac.update(lengths([additional.length * 8, ciphertext.count() * 8], false));
      const mask = ctr(key, first).encrypt(zeros);
      return mac.digest().map((byte, at) => byte ^ mask[at]!);
    },
  };
}

function chachaPoly(key: Uint8Array, iv: Uint8Array, additional: Uint8Array): ContentCipher {
  const mac = new Poly1305(chacha20(key, iv, new Uint8Array(32)));
  const pad = (length: number) => new Uint8Array((macBlockBytes - (length % macBlockBytes)) % macBlockBytes);
  mac.update(additional).update(pad(additional.length));
  let count = 0;
  return {
    apply: inBlocks(chachaBlockBytes, chachaBytesMax, (block, bytes) =>
      chacha20(key, iv, bytes, undefined, block + 1),
    ),
    absorb(ciphertext) {
      mac.update(ciphertext);
      count += ciphertext.length;
    },
    tag: () =>
      mac
        .update(pad(count))
        .update(lengths([additional.length, count], true))
        .digest(),
  };
}

/** A stream cipher that begins at any block, as one that goes on at any byte. */
function inBlocks(
  blockBytes: number,
  bytesMax: number,
  cipher: (block: number, bytes: Uint8Array) => Uint8Array,
): (piece: Uint8Array) => Uint8Array {
  let position = 0;
  return (piece) => {
    if (piece.length > bytesMax - position) {
      throw new RangeError(`expected at most ${bytesMax} bytes of content, found more`);
    }
    const begun = position % blockBytes;
    const padded = new Uint8Array(begun + piece.length);
    padded.set(piece, begun);
    const block = (position - begun) / blockBytes;
    position += piece.length;
    return padded.length === 0 ? padded : cipher(block, padded).subarray(begun);
  };
}

/** Hands on whole blocks, and keeps less than one. */
function wholeBlocks(handOn: (blocks: Uint8Array) => void) {
  const kept = new Uint8Array(macBlockBytes);
  let count = 0;
  return {
    add(piece: Uint8Array): void {
      const begun = count % macBlockBytes;
      count += piece.length;
      const head = begun === 0 ? 0 : Math.min(macBlockBytes - begun, piece.length);
      kept.set(piece.subarray(0, head), begun);
      if (begun > 0 && begun + head < macBlockBytes) return;
      if (begun > 0) handOn(kept);
      const end = piece.length - ((piece.length - head) % macBlockBytes);
      if (end > head) handOn(piece.subarray(head, end));
      kept.set(piece.subarray(end));
    },
    rest: (): Uint8Array => kept.subarray(0, count % macBlockBytes),
    count: (): number => count,
  };
}

/** The counter so many blocks after the first: a number of 16 bytes, big-endian. */
function counterAt(first: Uint8Array, blocks: number): Uint8Array {
  const counter = first.slice();
  for (let at = counter.length - 1, left = blocks; at >= 0 && left > 0; at--) {
    const sum = counter[at]! + (left % 256);
    counter[at] = sum % 256;
    left = Math.floor(left / 256) + (sum > 255 ? 1 : 0);
  }
  return counter;
}

function lengths(counts: readonly number[], isLittleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * counts.length));
  for (const [at, count] of counts.entries()) view.setBigUint64(8 * at, BigInt(count), isLittleEndian);
  return new Uint8Array(view.buffer);
}

function requireLength(algorithm: ContentAlgorithm, which: 'keyBytes' | 'ivBytes', bytes: Uint8Array): void {
  const expected = contentAlgorithms[algorithm][which];
  if (bytes.length === expected) return;
  const what = which === 'keyBytes' ? 'a key' : 'an initial vector';
  throw new RangeError(`expected ${what} of ${expected} bytes, found ${bytes.length}`);
}
