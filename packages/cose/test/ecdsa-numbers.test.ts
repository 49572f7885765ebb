import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { ecdsaNumbers } from '@lapel/cose';
import { isSignatureOf, readKeyPem } from '@lapel/cose';

for (const [curve, hash, bytes] of [
  ['P-256', 'sha256', 32],
  ['P-384', 'sha384', 48],
] as const) {
  test(`RFC 9053 §2.1: a signature in DER on ${curve} becomes r and s, whatever their lengths`, () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const key = readKeyPem(pem);
    assert.ok(key.use === 'sign');
    const lengths = new Set<number>();
    // Numbers that begin with a zero, or with a one, are shorter or longer: some of these do.
    for (let message = 0; message < 600; message++) {
      const content = new TextEncoder().encode(`${message}`);
      const der = new Uint8Array(sign(hash, content, createPrivateKey(pem)));
      lengths.add(der.length);
      const numbers = ecdsaNumbers(der, bytes);
      assert.ok(numbers !== undefined && numbers.length === 2 * bytes);
      if (message < 50) assert.ok(isSignatureOf(key.public, content, numbers));
      for (const cut of [1, 5, der.length - 1])
        assert.equal(ecdsaNumbers(der.subarray(0, cut), bytes), undefined);
    }
    assert.ok(lengths.size >= 3, `expected signatures of several lengths, found ${[...lengths].join(', ')}`);
  });
}

test('RFC 3279 §2.2.3: what is no signature in DER is none', () => {
  const long = Uint8Array.of(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02);
  assert.equal(ecdsaNumbers(long, 32)?.at(-1), 2);
  for (const [at, value] of [
    [0, 0x31],
    [1, 0x07],
    [2, 0x03],
    [3, 0x00],
    [3, 0x09],
    [5, 0x04],
    [6, 0x02],
  ] as const) {
    assert.equal(ecdsaNumbers(long.with(at, value), 32), undefined, `byte ${at} as ${value}`);
  }
  assert.equal(ecdsaNumbers(Uint8Array.of(...long, 0), 32), undefined);
  assert.equal(ecdsaNumbers(new Uint8Array(), 32), undefined);
  assert.equal(ecdsaNumbers(new Uint8Array(64), 32), undefined);
});
