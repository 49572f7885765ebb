/** Keys that come of a seed, so that a case can be repeated: for fuzzing, and nothing else. */

import { createCipheriv } from 'node:crypto';
import type { Item } from '@lapel/cbor';
import { Tagged, encode } from '@lapel/cbor';
import type { MacKey, SigningKey } from '@lapel/cose';
import { CoseError, encryptTag, joined, macKey, readKeyPem } from '@lapel/cose';
import type { Hidden } from './fuzz-samples.ts';
import { seededRandom } from './random.ts';

/** The head of an Ed25519 private key in PKCS #8 (RFC 8410 §7), before its 32 bytes. */
const pkcs8Head = '302e020100300506032b657004220420';

/** Ed25519, whose signatures hold nothing of chance. */
export function seededSigningKey(seed: number): SigningKey {
  const secret = seededRandom(seed).fork('signing key').bytes(32);
  const body = Buffer.concat([Buffer.from(pkcs8Head, 'hex'), secret]).toString('base64');
  const key = readKeyPem(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
  if (key.use !== 'sign') throw new CoseError('malformed', 'expected a private key, found a public one');
  return key;
}

export const seededMacKey = (seed: number): MacKey => macKey(seededRandom(seed).fork('mac key').bytes(32));

/** A content for whoever holds this secret. Made by hand, since what Lapel makes holds chance. */
export function hidden(content: Uint8Array, secret: Uint8Array): Hidden {
  const wrap = createCipheriv('id-aes128-wrap', secret, new Uint8Array(8).fill(0xa6));
  const wrapped = new Uint8Array(Buffer.concat([wrap.update(secret), wrap.final()]));
  const recipient: Item = [new Uint8Array(), new Map([[1, -3]]), wrapped];
  const [header, iv] = [encode(new Map([[1, 1]])), new Uint8Array(12)];
  const info = encode(new Tagged(encryptTag, [header, new Map([[5, iv]]), null, [recipient]]));
  const cipher = createCipheriv('aes-128-gcm', secret, iv);
  cipher.setAAD(encode(['Encrypt', header, new Uint8Array()]));
  const first = new Uint8Array(Buffer.concat([cipher.update(content), cipher.final()]));
  return { info, ciphertext: joined(first, new Uint8Array(cipher.getAuthTag())) };
}
