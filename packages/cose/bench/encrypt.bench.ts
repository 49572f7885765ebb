/**
 * Encryption of firmware in pieces against node:crypto alone with the same pieces; and what more recipients
 * cost, which must be no more than their number.
 */

import * as node from 'node:crypto';
import type { ContentAlgorithm, RunningContent } from '@lapel/cose';
import { contentAlgorithms, decryptWith, encryptFor, wrappingKey } from '@lapel/cose';
import type { Figure } from '../../../tools/figure.ts';

/** What a file or an HTTP response hands over at a time. */
const pieceBytes = 64 * 1024;
/** 16 MB in all: reading the info and unwrapping the key is no part of a rate. */
const pieces = 256;
const blocks = 20;
const timesAsMany = [2, 4, 8] as const;
const fewest = 100;

const key = wrappingKey(new Uint8Array(16).fill(1), new TextEncoder().encode('lamp'));
const piece = new Uint8Array(pieceBytes).fill(0x5a);

const ciphers = {
  A128GCM: 'aes-128-gcm',
  A128CTR: 'aes-128-ctr',
  'ChaCha20/Poly1305': 'chacha20-poly1305',
} as const satisfies Partial<Record<ContentAlgorithm, string>>;
const algorithms = Object.keys(ciphers) as (keyof typeof ciphers)[];

export const figures: readonly Figure[] = [
  ...algorithms.map((algorithm) => ratio(`encrypt with ${algorithm} in pieces`, () => encrypting(algorithm))),
  ...algorithms.map((algorithm) => ratio(`decrypt with ${algorithm} in pieces`, () => decrypting(algorithm))),
  ...timesAsMany.flatMap((times) => [
    growth('encrypt for', times, (count) => sealing(count)),
    growth('find oneself among', times, (count) => opening(count)),
  ]),
];

/** What one more recipient costs, where there are many already. */
function growth(what: string, times: number, work: (count: number) => () => void): Figure {
  return {
    room: 'cose',
    name: `${what} ${fewest * times} recipients, for each`,
    unit: `× with ${fewest}`,
    aim: '≤ 1.5',
    atMost: 1.5,
    measure() {
      const [few, many] = [work(fewest), work(fewest * times)];
      const [fewMs, manyMs]: [number[], number[]] = [[], []];
      for (let block = 0; block < blocks; block++) {
        fewMs.push(
          elapsedMs(() => {
            for (let left = times; left > 0; left--) few();
          }),
        );
        manyMs.push(elapsedMs(many));
      }
      return Math.min(...manyMs) / Math.min(...fewMs);
    },
  };
}

/** Two ways of one work: the bare one and ours. */
interface Contest {
  readonly bare: () => void;
  readonly own: () => void;
}

function ratio(name: string, contest: () => Contest): Figure {
  const measure = () => {
    const { bare, own } = contest();
    const [bareMs, ownMs]: [number[], number[]] = [[], []];
    for (let block = 0; block < blocks; block++) {
      bareMs.push(elapsedMs(bare));
      ownMs.push(elapsedMs(own));
    }
    // The best of many: buffers outside the heap are collected in whichever block has the bad luck.
    return Math.min(...bareMs) / Math.min(...ownMs);
  };
  return { room: 'cose', name, unit: '× the rate of node:crypto', aim: '≥ 0.8', atLeast: 0.8, measure };
}

function encrypting(algorithm: keyof typeof ciphers): Contest {
  return {
    bare: () => {
      const cipher = bareCipher(algorithm);
      for (let left = pieces; left > 0; left--) cipher.update(piece);
      cipher.final();
    },
    own: () => run(encryptFor([key], algorithm), piece, new Uint8Array()),
  };
}

function decrypting(algorithm: keyof typeof ciphers): Contest {
  const encryption = encryptFor([key], algorithm);
  const ciphertext: Uint8Array[] = [];
  for (let left = pieces; left > 0; left--) ciphertext.push(encryption.update(piece));
  const tag = encryption.finish();
  return {
    bare: () => {
      // The same work in the other direction; a tag that is compared at the end weighs nothing.
      const cipher = bareDecipher(algorithm);
      for (const each of ciphertext) cipher.update(each);
    },
    own: () => {
      const running = decryptWith(encryption.info, [key]);
      for (const each of ciphertext) running.update(each);
      running.update(tag);
      running.finish();
    },
  };
}

function run(running: RunningContent, bytes: Uint8Array, last: Uint8Array): void {
  for (let left = pieces; left > 0; left--) running.update(bytes);
  running.update(last);
  running.finish();
}

function bareCipher(algorithm: keyof typeof ciphers): node.Cipheriv {
  const { keyBytes, ivBytes } = contentAlgorithms[algorithm];
  const options = { authTagLength: 16 };
  const name = ciphers[algorithm] as node.CipherGCMTypes;
  return node.createCipheriv(name, new Uint8Array(keyBytes), new Uint8Array(ivBytes), options);
}

function bareDecipher(algorithm: keyof typeof ciphers): node.Decipheriv {
  const { keyBytes, ivBytes } = contentAlgorithms[algorithm];
  const options = { authTagLength: 16 };
  const name = ciphers[algorithm] as node.CipherGCMTypes;
  return node.createDecipheriv(name, new Uint8Array(keyBytes), new Uint8Array(ivBytes), options);
}

const recipientsOf = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    wrappingKey(key.secret, new TextEncoder().encode(`lamp-${index}`)),
  );

function sealing(count: number): () => void {
  const recipients = recipientsOf(count);
  return () => void encryptFor(recipients, 'A128GCM');
}

/** Opens the info of the last of so many devices. */
function opening(count: number): () => void {
  const recipients = recipientsOf(count);
  const { info } = encryptFor(recipients, 'A128GCM');
  const own = recipients.slice(-1);
  return () => void decryptWith(info, own);
}

function elapsedMs(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}
