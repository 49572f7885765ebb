/** HSS/LMS: the vectors of RFC 8554, RFC 9858 and the COSE working group, and every parameter set in turn. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { Tagged, decode, encode, hex, unhex } from '@lapel/cbor';
import type { CoseErrorKind } from '@lapel/cose';
import {
  CoseError,
  decodeVerificationKey,
  encodeVerificationKey,
  keyToPem,
  openSigned,
  verifySign,
} from '@lapel/cose';
import { lmsRoot, readHssPublicKey, verifyHss, writeHssPublicKey } from '../src/hss-lms.ts';
import { createHssSigner } from '../src/hss-signing.ts';
import { joined } from '../src/joined.ts';
import { uint32 } from '../src/lms.ts';
import { oneTimeSetOf, treeSetOf } from '../src/lms-parameters.ts';
import { missing, vector } from './public-vectors.ts';

const message = new TextEncoder().encode('a lamp is only as good as its switch');
const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;

const identifier = unhex('202122232425262728292a2b2c2d2e2f')!;
const seedOf = (n: number) => Uint8Array.from({ length: n }, (_, index) => index);
const level = (n: number, height: number, digitBits: number) => ({
  tree: treeSetOf(n, height),
  oneTime: oneTimeSetOf(n, digitBits),
});

const coseKey = (publicKey: Uint8Array, more: readonly (readonly [Item, Item])[] = []): Uint8Array =>
  encode(new Map<Item, Item>([[1, 5], ...more, [-1, publicKey]]));

const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

interface Cases {
  readonly cases: readonly {
    readonly name: string;
    readonly public_key: string;
    readonly message: string;
    readonly signature: string;
  }[];
}

test(
  'S4-37, RFC 8554 Appendix F: both test cases verify, and no bit of them may change',
  { skip: missing },
  () => {
    const { cases } = vector<Cases>('lms', 'rfc8554-hss.json');
    assert.equal(cases.length, 2);
    for (const { name, public_key: publicKey, message: text, signature } of cases) {
      const key = readHssPublicKey(unhex(publicKey)!);
      const [bytes, value] = [unhex(text)!, unhex(signature)!];
      assert.ok(verifyHss(key, bytes, value), name);
      assert.deepEqual(writeHssPublicKey(key), unhex(publicKey));
      for (let bit = 0; bit < value.length * 8; bit += 127) {
        assert.ok(!verifyHss(key, bytes, flipped(value, bit)), `${name}, bit ${bit}`);
      }
      assert.ok(!verifyHss(key, flipped(bytes, 0), value));
      for (const cut of [0, 3, 4, 8, 60, value.length - 1]) {
        assert.ok(!verifyHss(key, bytes, value.subarray(0, cut)), `${name}, ${cut} bytes`);
      }
      assert.ok(!verifyHss(key, bytes, Uint8Array.of(...value, 0)));
    }
  },
);

interface HashSig {
  readonly input: {
    readonly sign?: { readonly signers: readonly { readonly key: { readonly public: string } }[] };
    readonly sign0?: { readonly key: { readonly public: string } };
  };
  readonly output: { readonly cbor: string };
}

for (const name of ['hashsig-01', 'hsssig-sig-01']) {
  test(`RFC 8778, cose-wg: ${name} verifies`, { skip: missing }, () => {
    const { input, output } = vector<HashSig>('cose-wg-examples', 'hashsig', `${name}.json`);
    const { public: publicKey } = (input.sign?.signers[0] ?? input.sign0!).key;
    const key = {
      ...decodeVerificationKey(coseKey(unhex(publicKey)!)),
      kid: new TextEncoder().encode('ItsBig'),
    };
    const cbor = unhex(output.cbor)!;
    const { tag, content } = decode(cbor) as Tagged;
    const [header, unprotected, payload, ...rest] = content as readonly Item[];
    assert.ok(payload instanceof Uint8Array);
    if (input.sign0 !== undefined) assert.deepEqual(openSigned(cbor, [key]), { payload, key });
    else
      assert.equal(
        verifySign(encode(new Tagged(tag, [header, unprotected, null, ...rest])), payload, [key]),
        key,
      );
  });
}

test('RFC 9858 Appendix A.1: the seed of the document makes its public key and begins its signature', () => {
  const signer = createHssSigner({ levels: [level(24, 5, 8)], identifier, seed: seedOf(24) });
  const key = readHssPublicKey(signer.publicKey());
  assert.equal(hex(key.top.root), '2c571450aed99cfb4f4ac285da14882796618314508b12d2');
  const text = new TextEncoder().encode('Test message for SHA256-192\n');
  const signature = signer.sign(5, text);
  const begin = '0000000000000005000000080b5040a18c1b5cabcbc85b047402ec6294a30dd8da8fc3dae13b9f08';
  assert.ok(hex(signature).startsWith(begin));
  assert.ok(hex(signature).endsWith('5871cffd131d0e04ffe5065bc7875e82d34b40b69dd9f3c1'));
  assert.ok(verifyHss(key, text, signature));
});

for (const n of [32, 24]) {
  for (const digitBits of [1, 2, 4, 8]) {
    test(`RFC 8554 §4.1: hashes of ${n} bytes and digits of ${digitBits} bits, first and last leaf`, () => {
      const signer = createHssSigner({ levels: [level(n, 5, digitBits)], identifier, seed: seedOf(n) });
      const key = readHssPublicKey(signer.publicKey());
      for (const leaf of [0, 31]) {
        const signature = signer.sign(leaf, message);
        assert.ok(verifyHss(key, message, signature));
        assert.ok(!verifyHss(key, message.subarray(1), signature));
        assert.deepEqual(signer.sign(leaf, message), signature);
      }
    });
  }
}

test('RFC 8554 §6: where one tree is spent the next begins, on every level', () => {
  const levels = [level(32, 5, 4), level(32, 5, 2), level(32, 5, 1)];
  const signer = createHssSigner({ levels, identifier, seed: seedOf(32) });
  const key = readHssPublicKey(signer.publicKey());
  assert.equal(signer.leaves, 2 ** 15);
  for (const leaf of [0, 31, 32, 1023, 1024, 2 ** 15 - 1]) {
    assert.ok(verifyHss(key, message, signer.sign(leaf, message)), `leaf ${leaf}`);
  }
});

test('RFC 8554 §6: a level that vouches for the same tree again does so with the same bytes', () => {
  const secret = { levels: [level(32, 5, 8), level(32, 5, 8)], identifier, seed: seedOf(32) };
  const [one, other] = [createHssSigner(secret).sign(3, message), createHssSigner(secret).sign(4, message)];
  const upper = 4 + 4 + 4 + 32 * 35 + 4 + 5 * 32 + 56;
  assert.deepEqual(one.subarray(0, upper), other.subarray(0, upper));
});

for (const height of [10, 15, 20, 25]) {
  test(`RFC 8554 §5.1: a tree of height ${height} is climbed to its root`, () => {
    // No tall tree is grown: a one-time signature is led through siblings of one's choice to some root.
    const short = createHssSigner({ levels: [level(32, 5, 8)], identifier, seed: seedOf(32) });
    const pathAt = 4 + 4 + 32 * 35;
    const { top } = readHssPublicKey(short.publicKey());
    const tall = { ...top, tree: treeSetOf(32, height) };
    const path = Array.from({ length: height }, (_, step) => new Uint8Array(32).fill(step));
    const oneTime = short.sign(7, message).subarray(4, 4 + pathAt);
    const signature = joined(oneTime, uint32(tall.tree.code), ...path);
    const root = lmsRoot(tall, message, signature);
    assert.ok(root !== undefined);
    const key = { levels: 1, top: { ...tall, root } };
    assert.ok(verifyHss(key, message, joined(uint32(0), signature)));
    for (let step = 0; step < height; step++) {
      const bit = (4 + pathAt + 4 + 32 * step) * 8;
      assert.ok(!verifyHss(key, message, flipped(joined(uint32(0), signature), bit)), `step ${step}`);
    }
  });
}

test('RFC 8554 §5.4.2: other parameters than the key has, or a leaf that it lacks, are refused', () => {
  const signer = createHssSigner({ levels: [level(32, 5, 8)], identifier, seed: seedOf(32) });
  const key = readHssPublicKey(signer.publicKey());
  const signature = signer.sign(1, message);
  const pathAt = 4 + 4 + 4 + 32 * 35;
  for (const [at, value] of [
    [3, 1],
    [7, 33],
    [11, 3],
    [pathAt + 3, 6],
  ] as const) {
    assert.ok(
      !verifyHss(
        key,
        message,
        signature.map((byte, index) => (index === at ? value : byte)),
      ),
    );
  }
});

test('RFC 8778 §4: a COSE_Key holds the public key, names no other algorithm, and has a thumbprint', () => {
  const signer = createHssSigner({ levels: [level(32, 5, 8)], identifier, seed: seedOf(32) });
  const publicKey = signer.publicKey();
  const key = decodeVerificationKey(coseKey(publicKey));
  assert.equal(key.kind, 'HSS-LMS');
  assert.deepEqual(encodeVerificationKey(key), coseKey(publicKey));
  assert.deepEqual(decodeVerificationKey(coseKey(publicKey, [[3, -46]])).kid, key.kid);
  assert.throws(() => decodeVerificationKey(coseKey(publicKey, [[3, -48]])), refused('algorithm'));
  assert.throws(() => decodeVerificationKey(coseKey(publicKey, [[-2, seedOf(32)]])), CoseError);
  assert.match(keyToPem(key), /^-----BEGIN PUBLIC KEY-----\n/);
});

test('RFC 8554 §6.1: what is no public key is refused', () => {
  const good = createHssSigner({ levels: [level(32, 5, 8)], identifier, seed: seedOf(32) }).publicKey();
  const put = (at: number, value: number) => good.map((byte, index) => (index === at ? value : byte));
  const rows = [
    ['no level', put(3, 0)],
    ['nine levels', put(3, 9)],
    ['an unknown tree', put(7, 4)],
    ['a tree of SHAKE', put(7, 15)],
    ['hashes of two lengths', put(7, 10)],
    ['an unknown one-time set', put(11, 0)],
    ['a byte less', good.subarray(0, -1)],
    ['a byte more', Uint8Array.of(...good, 0)],
    ['three bytes', good.subarray(0, 3)],
  ] as const;
  for (const [what, bytes] of rows) {
    assert.throws(() => decodeVerificationKey(coseKey(bytes)), refused('malformed'), what);
  }
});
