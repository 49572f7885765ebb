/** Contents in pieces: the browser's crypto provider against Node's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentAlgorithm } from '@lapel/cose';
import { contentAlgorithms } from '@lapel/cose';
import * as node from '@lapel/cose/crypto';
import * as browser from '@lapel/browser/crypto';
import fc from 'fast-check';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const plain = (value: Uint8Array) => new Uint8Array(value);
const text = new TextEncoder().encode('what is authenticated, and not encrypted');

for (const algorithm of Object.keys(contentAlgorithms) as ContentAlgorithm[]) {
  const { keyBytes, ivBytes, tagBytes } = contentAlgorithms[algorithm];

  test(`S4-116: both providers encrypt in pieces with ${algorithm} alike, and read it again`, () => {
    const property = fc.property(
      exactly(keyBytes),
      exactly(ivBytes),
      bytes(40),
      fc.array(bytes(100), { maxLength: 8 }),
      (key, iv, additional, pieces) => {
        const secret = { algorithm, key, iv, additional };
        const [own, theirs] = [browser.createEncryption(secret), node.createEncryption(secret)];
        const back = browser.createDecryption(secret);
        for (const piece of pieces) {
          const ciphertext = own.update(piece);
          assert.deepEqual(plain(ciphertext), plain(theirs.update(piece)));
          assert.deepEqual(plain(back.update(ciphertext)), piece);
        }
        const tag = own.finish();
        assert.equal(tag.length, tagBytes);
        assert.deepEqual(tag, theirs.finish());
        assert.equal(back.finish(tag), true);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  test(`S4-116: with ${algorithm} neither provider takes another tag, where there is one`, () => {
    const secret = {
      algorithm,
      key: new Uint8Array(keyBytes).fill(7),
      iv: new Uint8Array(ivBytes).fill(9),
      additional: text,
    };
    const encryption = browser.createEncryption(secret);
    encryption.update(text);
    const tag = encryption.finish();
    for (const wrong of [tag.map((byte, at) => (at === 15 ? byte ^ 1 : byte)), tag.slice(1)]) {
      for (const provider of [browser, node]) {
        const decryption = provider.createDecryption(secret);
        decryption.update(text);
        assert.equal(decryption.finish(wrong), tagBytes === 0);
      }
    }
  });
}

test('S4-116: a counter of CTR that overflows goes on where Node’s does', () => {
  const secret = {
    algorithm: 'A128CTR',
    key: new Uint8Array(16).fill(1),
    iv: new Uint8Array(16).fill(0xff),
    additional: new Uint8Array(),
  } as const;
  const [own, theirs] = [browser.createEncryption(secret), node.createEncryption(secret)];
  for (const length of [15, 1, 17, 200]) {
    const piece = new Uint8Array(length);
    assert.deepEqual(plain(own.update(piece)), plain(theirs.update(piece)));
  }
});
