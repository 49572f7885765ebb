/** The device's own keys in an index of vectors, for what is encrypted: by their names, as all keys there. */

import { createECDH } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Item } from '@lapel/cbor';
import { encode, unhex } from '@lapel/cbor';
import { decodeSigningKey, readKeyPem, recipientKey, wrappingKey } from '@lapel/cose';
import type { DecryptionKey } from '@lapel/suit';

/** Those that are, or would be, trusted to sign. */
const isForSignatures = (name: string) => /^(trusted|untrusted|hmac)/i.test(name);
const isPrivateNumber = (name: string) => /(_d$|ecdh|es[-_]?dh|p-?256)/i.test(name);

/**
 * Bytes in hex are a private number on P-256 where the name says so (`…_d`, `…ecdh…`), else a key that wraps;
 * any other value is a private key's file, where there is one. An index gives no key identifiers: each key is
 * tried on every recipient.
 */
export function decryptionKeyNamed(name: string, value: string, folder: string): readonly DecryptionKey[] {
  if (isForSignatures(name)) return [];
  const bytes = unhex(value.toLowerCase());
  if (bytes !== undefined && isPrivateNumber(name)) return [nameless(recipientKey(privateKey(bytes)))];
  if (bytes !== undefined) return [16, 24, 32].includes(bytes.length) ? [wrappingKey(bytes)] : [];
  const path = resolve(folder, value);
  if (!existsSync(path)) return [];
  const key = readKeyPem(readFileSync(path, 'utf8'));
  return key.use === 'sign' ? [nameless(recipientKey(key))] : [];
}

function nameless(key: ReturnType<typeof recipientKey>): DecryptionKey {
  const { kid: _, ...rest } = key;
  return rest;
}

function privateKey(d: Uint8Array): ReturnType<typeof decodeSigningKey> {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  const numbers: readonly (readonly [Item, Item])[] = [
    [1, 2],
    [-1, 1],
    [-2, point.slice(1, 33)],
    [-3, point.slice(33)],
    [-4, d],
  ];
  return decodeSigningKey(encode(new Map(numbers)));
}
