import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tagged, decode, encode } from '@lapel/cbor';
import type { ContentAlgorithm, CoseErrorKind } from '@lapel/cose';
import { CoseError, contentAlgorithms, contentKey, decrypt0, encrypt0 } from '@lapel/cose';

const utf8 = new TextEncoder();
const algorithms = Object.keys(contentAlgorithms) as ContentAlgorithm[];
const payload = utf8.encode('a report that a lamp has put on its new firmware');

const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;
const secretOf = (length: number, fill: number) => new Uint8Array(length).fill(fill);

function* flipsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    yield bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  }
}

for (const algorithm of algorithms) {
  test(`RFC 9052 §5.2, ${algorithm}: a COSE_Encrypt0 is opened by the key it names, and by no other`, () => {
    const { keyBytes, tagBytes } = contentAlgorithms[algorithm];
    const key = contentKey(algorithm, secretOf(keyBytes, 1), utf8.encode('reports'));
    const other = contentKey(algorithm, secretOf(keyBytes, 2));
    const sealed = encrypt0(key, payload);
    assert.deepEqual(decrypt0(sealed, [other, key]), payload);
    assert.deepEqual(decrypt0(encode(new Tagged(16, decode(sealed))), [key]), payload);
    assert.notDeepEqual(encrypt0(key, payload), sealed);
    assert.throws(() => decrypt0(sealed, [other]), refused('untrusted'));
    assert.throws(() => decrypt0(sealed, []), refused('untrusted'));
    if (tagBytes === 0) return;
    for (const flipped of flipsOf(sealed)) assert.throws(() => decrypt0(flipped, [key]), CoseError);
  });
}
