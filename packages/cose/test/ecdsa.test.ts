/** ECDSA in COSE's form, against node:crypto, which reads that form, too. */

import assert from 'node:assert/strict';
import * as node from 'node:crypto';
import { test } from 'node:test';
import { generate, sign, verify } from '../src/crypto.ts';
import { ecdsaDer } from '../src/ecdsa.ts';

const message = new TextEncoder().encode('an image');
const kinds = [
  { kind: 'P-256', hash: 'sha256', half: 32 },
  { kind: 'P-384', hash: 'sha384', half: 48 },
] as const;

/** Numbers at the edges of what DER writes otherwise: nothing, a sign bit, zeros in front. */
const edges = (half: number): readonly Uint8Array[] => [
  new Uint8Array(half),
  new Uint8Array(half).fill(0xff),
  Uint8Array.from({ length: half }, (_, at) => (at === half - 1 ? 0x7f : 0)),
  Uint8Array.from({ length: half }, (_, at) => (at === half - 1 ? 0x80 : 0)),
  Uint8Array.from({ length: half }, (_, at) => (at === 1 ? 0x80 : 0)),
  Uint8Array.from({ length: half }, (_, at) => (at === 0 ? 1 : 0)),
];

for (const { kind, hash, half } of kinds) {
  test(`S4-38, RFC 9053 §2.1: what signs on ${kind} is proved as node:crypto proves it`, () => {
    const key = generate(kind);
    const own = node.createPublicKey(key);
    const proves = (signature: Uint8Array) =>
      node.verify(hash, message, { key: own, dsaEncoding: 'ieee-p1363' }, signature);
    const signed = sign(kind, key, message);
    assert.ok(proves(signed) && verify(kind, own, message, signed));
    const changed = signed.map((byte, at) => (at === half ? byte ^ 1 : byte));
    assert.ok(!proves(changed) && !verify(kind, own, message, changed));
    for (const r of edges(half)) {
      for (const s of edges(half)) {
        const forged = Uint8Array.from([...r, ...s]);
        assert.ok(!proves(forged) && !verify(kind, own, message, forged));
      }
    }
    for (const length of [0, 1, half, 2 * half - 1, 2 * half + 1, 400]) {
      assert.ok(!verify(kind, own, message, new Uint8Array(length).fill(1)), `${length} bytes`);
    }
  });

  test(`RFC 3279 §2.2.3: numbers of ${kind} become the integers that DER writes, and no byte more`, () => {
    for (const number of edges(half)) {
      const der = ecdsaDer(Uint8Array.from([...number, ...number]));
      const length = der[3]!;
      assert.deepEqual([der[0], der[1], der[2], der.length], [0x30, 2 * (length + 2), 0x02, der[1]! + 2]);
      const integer = der.subarray(4, 4 + length);
      assert.equal(
        BigInt(`0x${Buffer.from(integer).toString('hex')}`),
        BigInt(`0x${Buffer.from(number).toString('hex')}`),
      );
      assert.ok(integer[0]! < 0x80, 'a positive number');
      assert.ok(length === 1 || integer[0] !== 0 || integer[1]! >= 0x80, 'no needless byte');
    }
  });
}
