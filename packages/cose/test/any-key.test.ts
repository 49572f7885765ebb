import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CoseError,
  decodeKey,
  encodeMacKey,
  encodeSigningKey,
  encodeVerificationKey,
  encodeWrappingKey,
  generateMacKey,
  generateSigningKey,
  generateWrappingKey,
  isEncryptedPem,
  keyToPem,
  readKeyPem,
} from '@lapel/cose';

test('RFC 9052 §7: a COSE_Key says what it is for', () => {
  const pair = generateSigningKey('Ed25519');
  const [mac, wrap] = [generateMacKey(), generateWrappingKey('A256KW')];
  assert.deepEqual(decodeKey(encodeSigningKey(pair)).kid, pair.kid);
  assert.equal(decodeKey(encodeSigningKey(pair)).use, 'sign');
  assert.equal(decodeKey(encodeVerificationKey(pair.public)).use, 'verify');
  assert.deepEqual(decodeKey(encodeMacKey(mac)), mac);
  assert.deepEqual(decodeKey(encodeWrappingKey(wrap)), wrap);
});

test('RFC 9052 §7.1: a key that is damaged, or of another algorithm, is none', () => {
  const encoded = encodeMacKey(generateMacKey());
  for (let length = 0; length < encoded.length; length++) {
    assert.throws(() => decodeKey(encoded.subarray(0, length)), CoseError);
  }
  const at = encoded.indexOf(0x05, 10);
  // HMAC 384/384 is not spoken here.
  assert.throws(() => decodeKey(encoded.with(at, 0x06)), CoseError);
});

test('RFC 5958 §3: an encrypted key is read with its passphrase, and with no other', () => {
  const key = generateSigningKey('P-256');
  const pem = keyToPem(key, 'correct horse');
  assert.ok(isEncryptedPem(pem) && !isEncryptedPem(keyToPem(key)));
  assert.deepEqual(readKeyPem(pem, 'correct horse').kid, key.kid);
  assert.throws(
    () => readKeyPem(pem, 'battery staple'),
    /expected the passphrase of this key, found another/,
  );
  assert.throws(() => readKeyPem(pem), /expected a passphrase for a key that is encrypted, found none/);
});
