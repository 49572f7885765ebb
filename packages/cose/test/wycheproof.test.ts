/** Wycheproof against the crypto provider, as far as COSE here uses it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { encode, unhex } from '@lapel/cbor';
import { CoseError, decodeVerificationKey } from '@lapel/cose';
import { equalInConstantTime, hkdfSha256, hmacSha256, verify } from '../src/crypto.ts';
import { missing, vector } from './public-vectors.ts';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly wx: string; readonly wy: string; readonly pk: string };
    readonly tagSize: number;
    readonly tests: readonly WycheproofTest[];
  }[];
}

interface WycheproofTest {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly msg: string;
  readonly sig: string;
  readonly tag: string;
  readonly result: 'valid' | 'invalid';
  readonly public: string;
}

/** The low 32 bytes of a hexadecimal integer, which may have zeros in front or lack them. */
const coordinate = (digits: string) => unhex(digits.padStart(64, '0').slice(-64))!;

test('S4-38, Wycheproof: ECDSA on P-256 with r and s side by side', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'ecdsa_secp256r1_sha256_p1363_test.json');
  for (const { publicKey, tests } of testGroups) {
    const native = pointOf(publicKey);
    for (const { tcId, comment, msg, sig, result } of tests) {
      const found = verify('P-256', native, unhex(msg)!, unhex(sig)!);
      assert.equal(found, result === 'valid', `${tcId} ${comment}`);
    }
  }
});

test('RFC 9053 §2.1, Wycheproof: a signature in DER is none in COSE', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'ecdsa_secp256r1_sha256_test.json');
  for (const { publicKey, tests } of testGroups) {
    const native = pointOf(publicKey);
    for (const { tcId, comment, msg, sig } of tests) {
      assert.ok(!verify('P-256', native, unhex(msg)!, unhex(sig)!), `${tcId} ${comment}`);
    }
  }
});

function pointOf({ wx, wy }: { readonly wx: string; readonly wy: string }) {
  const numbers = new Map<Item, Item>([
    [1, 2],
    [-1, 1],
    [-2, coordinate(wx)],
    [-3, coordinate(wy)],
  ]);
  return decodeVerificationKey(encode(numbers)).native;
}

test('S4-38, Wycheproof: Ed25519', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'ed25519_test.json');
  for (const { publicKey, tests } of testGroups) {
    const numbers = new Map<Item, Item>([
      [1, 1],
      [-1, 6],
      [-2, unhex(publicKey.pk)!],
    ]);
    const { native } = decodeVerificationKey(encode(numbers));
    for (const { tcId, comment, msg, sig, result } of tests) {
      const found = verify('Ed25519', native, unhex(msg)!, unhex(sig)!);
      assert.equal(found, result === 'valid', `${tcId} ${comment}`);
    }
  }
});

test('Wycheproof: HMAC with SHA-256 and a tag of full length', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'hmac_sha256_test.json');
  for (const { tagSize, tests } of testGroups) {
    for (const { tcId, comment, key, msg, tag, result } of tests) {
      const found = equalInConstantTime(hmacSha256(unhex(key)!, unhex(msg)!), unhex(tag)!);
      // HMAC 256/256 it is, and half a tag is none.
      assert.equal(found, result === 'valid' && tagSize === 256, `${tcId} ${comment}`);
    }
  }
});

interface Derivations {
  readonly testGroups: readonly {
    readonly tests: readonly (Readonly<Record<'ikm' | 'salt' | 'info' | 'okm' | 'result', string>> & {
      readonly tcId: number;
      readonly size: number;
    })[];
  }[];
}

test('Wycheproof: HKDF with SHA-256, and no more of it than it gives', { skip: missing }, () => {
  const { testGroups } = vector<Derivations>('wycheproof', 'hkdf_sha256_test.json');
  for (const { tcId, ikm, salt, info, size, okm, result } of testGroups.flatMap(({ tests }) => tests)) {
    const derived = () =>
      hkdfSha256(unhex(ikm)!, { salt: unhex(salt)!, context: unhex(info)!, length: size });
    if (result === 'valid') assert.deepEqual(derived(), unhex(okm), String(tcId));
    else assert.throws(derived, RangeError, String(tcId));
  }
});

test('suit-mti §3, Wycheproof: a key on Curve25519 for agreement is none here', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'x25519_test.json');
  for (const { tcId, public: x } of testGroups.flatMap(({ tests }) => tests)) {
    const numbers = new Map<Item, Item>([
      [1, 1],
      [-1, 4],
      [-2, unhex(x)!],
    ]);
    assert.throws(() => decodeVerificationKey(encode(numbers)), CoseError, String(tcId));
  }
});
