/** Vectors of others: the examples of the COSE working group, and Wycheproof against the crypto provider. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { CborError, Tagged, decode, encode, unhex } from '@lapel/cbor';
import type { VerificationKey } from '@lapel/cose';
import { CoseError, decodeVerificationKey, macKey, openSigned, verifyMac0, verifySign } from '@lapel/cose';
import { equalInConstantTime, hmacSha256, verify } from '../src/crypto.ts';
import { missing, vector } from './public-vectors.ts';

interface CoseExample {
  readonly input: {
    readonly plaintext: string;
    readonly sign0?: { readonly key: ExampleKey };
    readonly sign?: { readonly signers: readonly { readonly key: ExampleKey }[] };
    readonly mac0?: { readonly recipients: readonly { readonly key: { readonly k: string } }[] };
  };
  readonly output: { readonly cbor: string };
}

interface ExampleKey {
  readonly kid: string;
  readonly crv: string;
  readonly x?: string;
  readonly x_hex?: string;
  readonly y?: string;
}

const utf8 = new TextEncoder();
const base64url = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));

/** The example's own kid in place of the thumbprint. */
function keyOf({ kid, crv, x, x_hex: xHex, y }: ExampleKey): VerificationKey {
  const abscissa = xHex === undefined ? base64url(x!) : unhex(xHex)!;
  const numbers: Item =
    crv === 'Ed25519'
      ? new Map<Item, Item>([
          [1, 1],
          [-1, 6],
          [-2, abscissa],
        ])
      : new Map<Item, Item>([
          [1, 2],
          [-1, crv === 'P-384' ? 2 : 1],
          [-2, abscissa],
          [-3, base64url(y!)],
        ]);
  return { ...decodeVerificationKey(encode(numbers)), kid: utf8.encode(kid) };
}

/** The examples carry their payload; what Lapel reads detached is detached first. */
function detached(cbor: Uint8Array): Uint8Array {
  const { tag, content } = decode(cbor) as Tagged;
  const [header, unprotected, , ...rest] = content as readonly Item[];
  return encode(new Tagged(tag, [header, unprotected, null, ...rest]));
}

function open(example: CoseExample): void {
  const { plaintext, sign0, sign, mac0 } = example.input;
  const cbor = unhex(example.output.cbor)!;
  const payload = utf8.encode(plaintext);
  if (sign0 !== undefined) {
    assert.deepEqual(openSigned(cbor, [keyOf(sign0.key)]).payload, payload);
  } else if (sign !== undefined) {
    verifySign(
      detached(cbor),
      payload,
      sign.signers.map(({ key }) => keyOf(key)),
    );
  } else {
    verifyMac0(detached(cbor), payload, [macKey(base64url(mac0!.recipients[0]!.key.k))]);
  }
}

/** Read as the working group says they are to be read. */
const accepted = [
  'sign-tests/ecdsa-01',
  'ecdsa-examples/ecdsa-01',
  'ecdsa-examples/ecdsa-sig-01',
  'ecdsa-examples/ecdsa-02',
  'ecdsa-examples/ecdsa-sig-02',
  'eddsa-examples/eddsa-01',
  'eddsa-examples/eddsa-sig-01',
  'hmac-examples/HMac-enc-01',
  'mac0-tests/HMac-01',
];

/** Wrong, and refused. */
const wrong = [
  ...[1, 2, 3, 4, 6, 7].map((each) => `sign1-tests/sign-fail-0${each}`),
  ...[1, 2, 3, 4, 6, 7].map((each) => `sign-tests/sign-fail-0${each}`),
  ...[1, 2, 3, 4, 6, 7].map((each) => `mac0-tests/mac-fail-0${each}`),
  'hmac-examples/HMac-enc-04',
];

/** Right by RFC 9052, and refused on purpose: this is a narrower profile. */
const outside = {
  'sign1-tests/sign-pass-01': 'the algorithm is unprotected',
  'sign1-tests/sign-pass-02': 'has external data, which SUIT never has',
  'sign1-tests/sign-pass-03': 'has no tag, which SUIT demands (§8.3)',
  'sign-tests/sign-pass-01': 'an empty protected header is not of zero length',
  'sign-tests/sign-pass-02': 'has external data',
  'mac0-tests/mac-pass-01': 'the algorithm is unprotected',
  'mac0-tests/mac-pass-02': 'the algorithm is unprotected, and there is external data',
  'ecdsa-examples/ecdsa-04': 'ES512, which no profile of suit-mti has',
  'ecdsa-examples/ecdsa-sig-04': 'ES512, which no profile of suit-mti has',
  'hmac-examples/HMac-enc-02': 'HMAC 384',
  'hmac-examples/HMac-enc-03': 'HMAC 512',
  'hmac-examples/HMac-enc-05': 'a tag of 64 bits',
};
// Left out: hmac-examples/HMac-0n are COSE_Mac with recipients; ecdsa 03 and eddsa 02 are on other
// curves, which fail as keys already; sign-pass-03 and mac-pass-03 have no tag and so nothing to detach.

const refused = (error: unknown) => error instanceof CoseError || error instanceof CborError;

for (const name of accepted) {
  test(`RFC 9052, cose-wg: ${name} is read`, { skip: missing }, () =>
    open(vector<CoseExample>('cose-wg-examples', `${name}.json`)),
  );
}

for (const name of wrong) {
  test(`RFC 9052, cose-wg: ${name} is refused`, { skip: missing }, () =>
    assert.throws(() => open(vector<CoseExample>('cose-wg-examples', `${name}.json`)), refused),
  );
}

for (const [name, why] of Object.entries(outside)) {
  test(`cose-wg: ${name} is outside the profile: ${why}`, { skip: missing }, () =>
    assert.throws(() => open(vector<CoseExample>('cose-wg-examples', `${name}.json`)), refused),
  );
}

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
}

/** The low 32 bytes of a hexadecimal integer, which may have zeros in front or lack them. */
const coordinate = (digits: string) => unhex(digits.padStart(64, '0').slice(-64))!;

test('S4-38, Wycheproof: ECDSA on P-256 with r and s side by side', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof>('wycheproof', 'ecdsa_secp256r1_sha256_p1363_test.json');
  for (const { publicKey, tests } of testGroups) {
    const numbers = new Map<Item, Item>([
      [1, 2],
      [-1, 1],
      [-2, coordinate(publicKey.wx)],
      [-3, coordinate(publicKey.wy)],
    ]);
    const { native } = decodeVerificationKey(encode(numbers));
    for (const { tcId, comment, msg, sig, result } of tests) {
      const found = verify('P-256', native, unhex(msg)!, unhex(sig)!);
      assert.equal(found, result === 'valid', `${tcId} ${comment}`);
    }
  }
});

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
  for (const { tests } of testGroups.filter(({ tagSize }) => tagSize === 256)) {
    for (const { tcId, comment, key, msg, tag, result } of tests) {
      const found = equalInConstantTime(hmacSha256(unhex(key)!, unhex(msg)!), unhex(tag)!);
      assert.equal(found, result === 'valid', `${tcId} ${comment}`);
    }
  }
});
