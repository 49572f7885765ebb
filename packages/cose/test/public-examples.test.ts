/** Every example of the COSE working group: read, refused as wrong, or outside of the profile, and why. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleNames, isWrong, refusalOf } from './cose-examples.ts';
import { missing } from './public-vectors.ts';

/** Read as the working group says they are to be read. */
const accepted = [
  'CWT/A_3',
  ...[1, 2].map((each) => `RFC8152/Appendix_C_1_${each}`),
  'RFC8152/Appendix_C_2_1',
  ...[1, 2, 3].map((each) => `aes-gcm-examples/aes-gcm-enc-0${each}`),
  ...[128, 192, 256].flatMap((bits) => [4, 5].map((each) => `aes-wrap-examples/aes-wrap-${bits}-0${each}`)),
  'chacha-poly-examples/chacha-poly-enc-01',
  ...[1, 2].flatMap((each) => [`ecdsa-examples/ecdsa-0${each}`, `ecdsa-examples/ecdsa-sig-0${each}`]),
  ...['eddsa-examples/eddsa-01', 'eddsa-examples/eddsa-sig-01'],
  'encrypted-tests/aes-gcm-01',
  ...['hashsig/hashsig-01', 'hashsig/hsssig-sig-01'],
  ...['hmac-examples/HMac-enc-01', 'mac0-tests/HMac-01'],
  'sign-tests/ecdsa-01',
];

/** Right by RFC 9052 and its companions, and refused on purpose, with these words. */
const outside: Readonly<Record<string, RegExp>> = {
  'a COSE_Mac wraps its key for several, each of whom could be the author':
    /COSE_Mac0: expected tag 17, found 97/,
  'it has no tag, which SUIT demands': /COSE_Sign1: expected tag 18, found no tag/,
  'a countersignature covers what no manifest has': /found unknown key [79] at/,
  'a content key that is shared, derived or under RSA is not wrapped':
    /expected AES key wrap or ECDH-ES with it/,
  'the sender has a static key, and an ephemeral one is wanted':
    /found unknown key -3 at|found one out of order/,
  'a party of the key derivation has a name or a nonce': /found unknown key -2[1-3] at/,
  'a key on P-521 has no recipient here': /expected a recipient that is known here, found none/,
  'the key is derived without the context of SUIT':
    /expected a content key that these keys unwrap, found another/,
  'recipients stand in a recipient': /COSE_Encrypt: expected 3 items, found 4/,
  'a partial initial vector': /found unknown key 6 at/,
  'AES-CCM, which no profile of suit-mti has':
    /content algorithm that is spoken here, found (1[01]|3[01])|expected 12 to 16 bytes, found 7/,
  'the algorithm of the content stands twice': /expected one algorithm for the content, found two/,
  'a MAC that is shorter or not of SHA-256': /expected HMAC 256\/256 \(5\)|COSE_Mac0: expected 1 to 32 bytes/,
  'the algorithm is unprotected': /expected one of the keys 4, found unknown key 1 at/,
  'ES512 and RSA, which no profile of suit-mti has': /signature algorithm that is spoken here, found -3[6-9]/,
  'Ed448, which no profile of suit-mti has': /expected a signature of 64 bytes, found 114/,
  'external data, or an empty header of one byte, is not what SUIT signs':
    /expected a signature of a trusted key, found another/,
  'external data is not what SUIT encrypts': /expected the tag of this content, found another/,
  'a critical header that nobody here knows': /found unknown key "reserved"/,
};

for (const name of accepted) {
  test(`RFC 9052, cose-wg: ${name} is read`, { skip: missing }, () =>
    assert.equal(refusalOf(name), undefined),
  );
}

test('RFC 9052, cose-wg: what is wrong by its makers’ word is refused', { skip: missing }, () => {
  const wrong = exampleNames.filter(isWrong);
  assert.ok(wrong.length >= 36);
  for (const name of wrong) assert.notEqual(refusalOf(name), undefined, name);
});

const left = exampleNames.filter((name) => !accepted.includes(name) && !isWrong(name));
const reasonOf = new Map(
  left.map((name) => {
    const refusal = refusalOf(name) ?? 'read';
    return [name, Object.keys(outside).find((why) => outside[why]?.test(refusal)) ?? refusal];
  }),
);

for (const why of Object.keys(outside)) {
  test(`cose-wg: an example is outside the profile: ${why}`, { skip: missing }, () =>
    assert.ok([...reasonOf.values()].includes(why)),
  );
}

test(
  'RFC 9052, cose-wg: every example is read, wrong, or refused for a known reason',
  { skip: missing },
  () => {
    assert.ok(exampleNames.length > 300);
    for (const [name, reason] of reasonOf) assert.ok(reason in outside, `${name}: ${reason}`);
  },
);
