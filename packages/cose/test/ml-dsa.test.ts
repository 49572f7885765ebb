/** ML-DSA in COSE: the examples of draft-ietf-cose-dilithium, and Wycheproof against the crypto provider. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { encode, hex, unhex } from '@lapel/cbor';
import {
  CoseError,
  decodeSigningKey,
  decodeVerificationKey,
  encodeSigningKey,
  generateSigningKey,
  keyToPem,
  openSigned,
  readKeyPem,
  signatureAlgorithms,
} from '@lapel/cose';
import { verify } from '../src/crypto.ts';
import { missing, vector } from './public-vectors.ts';

const sets = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const;

interface Example {
  readonly priv: string;
  readonly key: string;
  readonly raw_public_key: string;
  readonly sign1: string;
}

test(
  'S4-37, Wycheproof: a seed of ML-DSA-44 makes its public key, and no other length one',
  { skip: missing },
  () => {
    const { testGroups } = vector<Seeds>('wycheproof', 'mldsa_44_sign_seed_test.json');
    for (const { privateSeed, publicKey, tests } of testGroups) {
      const encoded = () => coseKey('ML-DSA-44', unhex(publicKey ?? '')!, unhex(privateSeed));
      if (publicKey === null) {
        assert.throws(() => decodeSigningKey(encoded()), CoseError);
        continue;
      }
      const key = decodeSigningKey(encoded());
      for (const { tcId, msg, ctx, sig, result } of tests) {
        // Without a message there is only its digest, which COSE never signs.
        if (msg === undefined) continue;
        const message = unhex(msg)!;
        const expected = result === 'valid' && (ctx ?? '') === '';
        assert.equal(verify('ML-DSA-44', key.public.native, message, unhex(sig)!), expected, String(tcId));
        assert.ok(verify('ML-DSA-44', key.public.native, message, key.sign(message)), String(tcId));
      }
    }
  },
);

interface Seeds {
  readonly testGroups: readonly {
    readonly privateSeed: string;
    readonly publicKey: string | null;
    readonly tests: Wycheproof['testGroups'][0]['tests'];
  }[];
}

for (const set of sets) {
  const file = set.replaceAll('-', '_');

  test(
    `S4-37, cose-dilithium: the example of ${set} verifies, and its thumbprint is the document's`,
    {
      skip: missing,
    },
    () => {
      const example = vector<Example>('cose-ml-dsa', `${file}.cose.json`);
      // The document's own encoding has its keys out of order, and is put right here.
      const key = decodeSigningKey(coseKey(set, unhex(example.raw_public_key)!, unhex(example.priv)));
      assert.equal(key.kind, set);
      const { payload } = openSigned(unhex(example.sign1)!, [key.public]);
      assert.equal(new TextDecoder().decode(payload), 'hello post quantum signatures');
      // The document's key carries its own thumbprint as kid.
      assert.ok(example.key.includes(hex(key.kid)));
    },
  );

  test(`S4-37, Wycheproof: ${set} verifies what is valid and nothing else`, { skip: missing }, () => {
    const { testGroups } = vector<Wycheproof>('wycheproof', `mldsa_${set.slice(-2)}_verify_test.json`);
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, comment, msg, ctx, sig, result } of tests) {
        // The context is the empty string in COSE: a signature made under another one is none here.
        const expected = result === 'valid' && (ctx ?? '') === '';
        assert.equal(isValid(set, publicKey, unhex(msg ?? '')!, unhex(sig)!), expected, `${tcId} ${comment}`);
      }
    }
  });

  test(`${set}: a private key in PEM holds its seed, which the COSE_Key carries`, () => {
    const key = generateSigningKey(set);
    const again = readKeyPem(keyToPem(key));
    assert.ok(again.use === 'sign');
    assert.deepEqual(encodeSigningKey(again), encodeSigningKey(key));
  });
}

function coseKey(set: (typeof sets)[number], publicKey: Uint8Array, seed?: Uint8Array): Uint8Array {
  const members = new Map<Item, Item>([
    [1, 7],
    [3, signatureAlgorithms[set].code],
    [-1, publicKey],
  ]);
  if (seed !== undefined) members.set(-2, seed);
  return encode(members);
}

/** A key or a signature that is refused as malformed makes nothing valid. */
function isValid(
  set: (typeof sets)[number],
  publicKey: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const { native } = decodeVerificationKey(coseKey(set, unhex(publicKey)!));
    return verify(set, native, message, signature);
  } catch (error) {
    if (error instanceof CoseError) return false;
    throw error;
  }
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: string;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg?: string;
      readonly ctx?: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid';
    }[];
  }[];
}
