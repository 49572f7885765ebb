/**
 * Encryption after firmware-encryption-24 once more, apart from `cose`. The keys never change, so the
 * ciphertexts don't either: whoever encrypts in earnest never takes the same key twice.
 */

import {
  createCipheriv,
  createECDH,
  createHash,
  diffieHellman,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
} from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import type { Item } from '@lapel/cbor';
import { Tagged, encode } from '@lapel/cbor';
import { map, utf8 } from './forge.ts';

export const secretOf = (name: string, length = 16): Uint8Array =>
  new Uint8Array(createHash('sha256').update(name).digest()).slice(0, length);
const plain = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

export const [kek, otherKek] = [secretOf('key that wraps'), secretOf('another key that wraps')];
export const own = ecdh('the device');
const inHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** In the index, the device's own. */
export const ownKeys = { kek_hex: inHex(kek), recipient_p256_d: inHex(own.d) };

export function ecdh(name: string) {
  const d = secretOf(name, 32);
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(d);
  const point = new Uint8Array(pair.getPublicKey());
  const [x, y] = [point.slice(1, 33), point.slice(33)];
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x: text(x), y: text(y) };
  return {
    ...{ d, x, y },
    privateKey: createPrivateKey({ key: { ...jwk, d: text(d) }, format: 'jwk' }),
    publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
  };
}

interface Cipher {
  readonly name: string;
  readonly code: number;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly tagBytes: number;
}
export const ciphers = {
  A128GCM: { name: 'aes-128-gcm', code: 1, keyBytes: 16, ivBytes: 12, tagBytes: 16 },
  A256GCM: { name: 'aes-256-gcm', code: 3, keyBytes: 32, ivBytes: 12, tagBytes: 16 },
  ChaCha20: { name: 'chacha20-poly1305', code: 24, keyBytes: 32, ivBytes: 12, tagBytes: 16 },
  A128CTR: { name: 'aes-128-ctr', code: -65534, keyBytes: 16, ivBytes: 16, tagBytes: 0 },
} as const satisfies Record<string, Cipher>;

export interface Sealed {
  readonly info: Uint8Array;
  readonly ciphertext: Uint8Array;
}

type Wrap = (contentKey: Uint8Array) => Item;

function wrapKey(key: Uint8Array, contentKey: Uint8Array): Uint8Array {
  const wrap = createCipheriv('id-aes128-wrap', key, new Uint8Array(8).fill(0xa6));
  return plain(wrap.update(contentKey), wrap.final());
}

/** RFC 9053 §6.2.1: an empty protected header. */
export const byKek =
  (key: Uint8Array): Wrap =>
  (contentKey) => [new Uint8Array(), map([1, -3]), wrapKey(key, contentKey)];

/** §6.2.4: bound to SUIT by the context of the key derivation. */
export const byAgreement =
  (to: ReturnType<typeof ecdh>, protocol = 'SUIT Payload Encryption'): Wrap =>
  (contentKey) => {
    const ephemeral = ecdh('an ephemeral key');
    const header = encode(map([1, -29]));
    const nobody = [null, null, null];
    const context = encode([-3, nobody, nobody, [128, header, utf8(protocol)]]);
    const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: to.publicKey });
    const key = new Uint8Array(hkdfSync('sha256', shared, new Uint8Array(), context, 16));
    const point = map([1, 2], [-1, 1], [-2, ephemeral.x], [-3, ephemeral.y]);
    return [header, map([-1, point]), wrapKey(key, contentKey)];
  };

export function seal(cipher: Cipher, content: Uint8Array, ...wraps: readonly Wrap[]): Sealed {
  const { name, code, keyBytes, ivBytes, tagBytes } = cipher;
  const [contentKey, iv] = [secretOf(`content ${name}`, keyBytes), secretOf('vector', ivBytes)];
  // RFC 9459 §4: what authenticates nothing stands unprotected.
  const header = tagBytes === 0 ? new Uint8Array() : encode(map([1, code]));
  const unprotected = tagBytes === 0 ? map([1, code], [5, iv]) : map([5, iv]);
  const recipients = wraps.map((wrap) => wrap(contentKey));
  const info = encode(new Tagged(96, [header, unprotected, null, recipients]));
  if (tagBytes === 0)
    return { info, ciphertext: plain(createCipheriv(name, contentKey, iv).update(content)) };
  const running = createCipheriv(name as CipherGCMTypes, contentKey, iv, { authTagLength: tagBytes });
  running.setAAD(encode(['Encrypt', header, new Uint8Array()]));
  const ciphertext = plain(running.update(content), running.final(), running.getAuthTag());
  return { info, ciphertext };
}
