/** AES-CCM-16-64-128 (RFC 3610 with L = 2 and M = 8; RFC 9053 §4.2) out of the library's CBC and CTR. */

import { joined } from '@lapel/cose';
import type { ChannelSecret } from '@lapel/cose/crypto';
import { cbc, ctr } from '@noble/ciphers/aes.js';
import { equalInConstantTime } from './constant-time.ts';

const blockBytes = 16;
const tagBytes = 8;
/** L - 1: so many bytes of a block count, or say how long the message is. */
const lengthBytes = 2;
/** §2.2: additional data follows, the size of the tag, the size of the length. */
const firstFlags = 0x40 | (((tagBytes - 2) / 2) << 3) | (lengthBytes - 1);
/** §2.2: as two bytes write it. */
const additionalBytesMax = 0xff00 - 1;

export function sealCcm(secret: ChannelSecret, plaintext: Uint8Array): Uint8Array {
  const { key, nonce } = secret;
  const ciphertext = ctr(key, counterAt(nonce, 1)).encrypt(plaintext);
  return joined(ciphertext, tagOf(secret, plaintext));
}

export function openCcm(secret: ChannelSecret, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - tagBytes;
  if (length < 0) return undefined;
  const { key, nonce } = secret;
  const plaintext = ctr(key, counterAt(nonce, 1)).decrypt(sealed.subarray(0, length));
  return equalInConstantTime(tagOf(secret, plaintext), sealed.subarray(length)) ? plaintext : undefined;
}

/** §2.2, §2.3: the last block of a chain over everything, hidden under the counter's first. */
function tagOf({ key, nonce, additional }: ChannelSecret, plaintext: Uint8Array): Uint8Array {
  if (additional.length === 0 || additional.length > additionalBytesMax)
    throw new RangeError(`expected 1 to ${additionalBytesMax} bytes of data, found ${additional.length}`);
  const first = joined(Uint8Array.of(firstFlags), nonce, twoBytes(plaintext.length));
  const blocks = joined(first, padded(joined(twoBytes(additional.length), additional)), padded(plaintext));
  const chain = cbc(key, new Uint8Array(blockBytes), { disablePadding: true }).encrypt(blocks);
  return ctr(key, counterAt(nonce, 0)).encrypt(chain.subarray(-blockBytes)).slice(0, tagBytes);
}

const counterAt = (nonce: Uint8Array, count: number): Uint8Array =>
  joined(Uint8Array.of(lengthBytes - 1), nonce, twoBytes(count));

const twoBytes = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 0xff);

const padded = (bytes: Uint8Array): Uint8Array =>
  joined(bytes, new Uint8Array((blockBytes - (bytes.length % blockBytes)) % blockBytes));
