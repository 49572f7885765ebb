/** Keys that decrypt, as a device keeps them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { decode, encode } from '@lapel/cbor';
import type { CoseErrorKind } from '@lapel/cose';
import {
  CoseError,
  decodeDecryptionKey,
  decryptWith,
  encodeSigningKey,
  encodeVerificationKey,
  encodeWrappingKey,
  encryptFor,
  generateSigningKey,
  generateWrappingKey,
  recipientPublicKey,
  wrappingKey,
} from '@lapel/cose';

const utf8 = new TextEncoder();
const secretOf = (length: number) => new Uint8Array(length).fill(1);
const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;

test('S4-87: a key that decrypts is kept as a COSE_Key, by its own name or its thumbprint', () => {
  const own = generateSigningKey('P-256');
  const named16 = wrappingKey(secretOf(16), utf8.encode('lamp'));
  for (const key of [named16, wrappingKey(secretOf(32)), generateWrappingKey('A192KW')]) {
    assert.deepEqual(decodeDecryptionKey(encodeWrappingKey(key)), key);
  }
  const encoded = encodeSigningKey(own);
  assert.deepEqual(decodeDecryptionKey(encoded).kid, own.kid);
  const named = encode(new Map([...(decode(encoded) as Map<Item, Item>), [2, utf8.encode('lamp')] as const]));
  assert.deepEqual(decodeDecryptionKey(named).kid, utf8.encode('lamp'));
  const { info } = encryptFor([{ ...recipientPublicKey(own.public), kid: utf8.encode('lamp') }], 'A128GCM');
  assert.equal(decryptWith(info, [decodeDecryptionKey(named)]).algorithm, 'A128GCM');
});

test('S4-87: what is no key for decryption is refused', () => {
  const symmetric = (...members: readonly (readonly [Item, Item])[]) =>
    encode(new Map<Item, Item>([[1, 4], ...members]));
  for (const [encoded, kind] of [
    [new Uint8Array(), 'malformed'],
    [symmetric(), 'malformed'],
    [symmetric([-1, secretOf(17)]), 'algorithm'],
    [symmetric([3, -5], [-1, secretOf(16)]), 'algorithm'],
    [encodeSigningKey(generateSigningKey('Ed25519')), 'algorithm'],
    [encodeVerificationKey(generateSigningKey('P-256').public), 'malformed'],
  ] as const) {
    assert.throws(() => decodeDecryptionKey(encoded), refused(kind));
  }
});
