/** The browser's crypto provider against Node's: the same types, and the same answers to every call. */

import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import type { DigestAlgorithm, KeyKind } from '@lapel/cose';
import { digestAlgorithms, keyKinds } from '@lapel/cose';
import * as node from '@lapel/cose/crypto';
import * as browser from '@lapel/browser/crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';

/** A provider's own keys are its own business; all else is the shape of the original. */
type WithOwnKeys<T> = T extends KeyObject
  ? browser.NativeKey
  : T extends (...given: infer Given) => infer Answer
    ? (...given: { [K in keyof Given]: WithOwnKeys<Given[K]> }) => WithOwnKeys<Answer>
    : T;
type Shape = { readonly [K in keyof typeof node]: WithOwnKeys<(typeof node)[K]> };
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : 'of another shape';
/** By name, so that the compiler names what differs. */
type Differences = {
  [
    K in keyof Shape as K extends keyof typeof browser
      ? Same<Shape[K], (typeof browser)[K]> extends true
        ? never
        : K
      : K
  ]: Shape[K];
};

test('S4-116: the browser provider has every export of the original, with the same type', () => {
  // Compiles only where the two are the same.
  const isSame: keyof Differences extends never ? true : keyof Differences = true;
  assert.ok(isSame);
  assert.deepEqual(Object.keys(browser).toSorted(), Object.keys(node).toSorted());
});

const kinds = Object.keys(keyKinds) as KeyKind[];
const curves = ['P-256', 'P-384'] as const;
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const text = new TextEncoder().encode('what is signed');
const plain = (value: Uint8Array) => new Uint8Array(value);

for (const algorithm of Object.keys(digestAlgorithms) as DigestAlgorithm[]) {
  test(`S4-116: both providers give the same ${algorithm}, at once and in pieces`, () => {
    const property = fc.property(fc.array(bytes(), { maxLength: 5 }), (pieces) => {
      const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
      const expected = node.digest(algorithm, whole);
      assert.deepEqual(browser.digest(algorithm, whole), expected);
      const running = browser.createDigest(algorithm);
      for (const piece of pieces) running.update(piece);
      assert.deepEqual(running.finish(), expected);
    });
    fc.assert(property, { numRuns: 50 });
  });
}

test('S4-116: both providers give the same HMAC, UUID and chains of hashes', () => {
  const property = fc.property(bytes(), bytes(), exactly(55), (one, other, block) => {
    assert.deepEqual(browser.hmacSha256(one, other), node.hmacSha256(one, other));
    assert.deepEqual(browser.uuidFromName(one, other), node.uuidFromName(one, other));
    const [own, theirs] = [block.slice(), block.slice()];
    browser.hashChains(own, 22, 32)(3, 9);
    node.hashChains(theirs, 22, 32)(3, 9);
    assert.deepEqual(own, theirs);
  });
  fc.assert(property, { numRuns: 50 });
});

for (const kind of kinds) {
  test(`S4-116: what one provider signs with ${kind} the other verifies, and not with a bit flipped`, () => {
    for (const [signer, verifier] of [
      [node, browser],
      [browser, node],
    ] as const) {
      // Of the union of two providers no key fits both: each is called with its own.
      const { numbers, signature } = signedBy(signer, kind);
      const { d: _, ...half } = numbers;
      const judged = (given: Uint8Array, over = text) => verifiedBy(verifier, half, over, given);
      assert.equal(judged(signature), true);
      assert.equal(judged(signature, plain(text.map((byte, at) => (at === 3 ? byte ^ 1 : byte)))), false);
      for (const at of [0, 31, signature.length - 1]) {
        const flipped = plain(signature.map((byte, index) => (index === at ? byte ^ 1 : byte)));
        assert.equal(judged(flipped), false, `byte ${at}`);
      }
      for (const length of [0, 32, signature.length - 1]) {
        assert.equal(judged(signature.slice(0, length)), false, `${length} bytes`);
      }
    }
  });

  test(`S4-116: a key of ${kind} goes from one provider to the other and back, as numbers and as PEM`, () => {
    const own = browser.generate(kind);
    const numbers = browser.exportKey(own)!;
    assert.deepEqual(node.exportKey(node.importKey(numbers)), numbers);
    assert.equal(node.writePem(node.importKey(numbers)), browser.writePem(own));
    assert.deepEqual(browser.exportKey(browser.readPem(node.writePem(node.importKey(numbers)))), numbers);
    const { d: _, ...half } = numbers;
    const pem = node.writePem(node.importKey(half));
    assert.equal(browser.writePem(browser.importKey(half)), pem);
    assert.deepEqual(browser.exportKey(browser.readPem(pem)), half);
    assert.equal(browser.readPem(pem).type, 'public');
    assert.equal(own.type, 'private');
  });
}

function signedBy(provider: typeof node | typeof browser, kind: KeyKind) {
  if (provider === browser) {
    const key = browser.generate(kind);
    return { numbers: browser.exportKey(key)!, signature: browser.sign(kind, key, text) };
  }
  const key = node.generate(kind);
  return { numbers: node.exportKey(key)!, signature: node.sign(kind, key, text) };
}

function verifiedBy(
  provider: typeof node | typeof browser,
  numbers: node.KeyNumbers,
  over: Uint8Array,
  signature: Uint8Array,
): boolean {
  const kind = numbers.kind as KeyKind;
  return provider === browser
    ? browser.verify(kind, browser.importKey(numbers), over, signature)
    : node.verify(kind, node.importKey(numbers), over, signature);
}

test('S4-116: on P-256 and P-384 a signature with the other s is verified by both (RFC 9053 §2.1)', () => {
  for (const [kind, order] of [
    ['P-256', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
    [
      'P-384',
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    ],
  ] as const) {
    const { numbers, signature } = signedBy(node, kind);
    const half = signature.length / 2;
    const s = BigInt(`0x${Buffer.from(signature.subarray(half)).toString('hex')}`);
    const mirrored = Buffer.from((order - s).toString(16).padStart(2 * half, '0'), 'hex');
    const other = new Uint8Array([...signature.subarray(0, half), ...mirrored]);
    for (const provider of [node, browser]) assert.equal(verifiedBy(provider, numbers, text, other), true);
    const outside = signature.slice().fill(0xff, half);
    for (const provider of [node, browser]) assert.equal(verifiedBy(provider, numbers, text, outside), false);
  }
});

test('S4-116: a signature of Ed25519 that only the cofactor would let pass is refused by both', () => {
  const { Point } = ed25519;
  const torsion = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
  const { scalar, point } = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(5));
  const x = point.add(torsion).toBytes();
  let refused = 0;
  for (let nonce = 1n; nonce <= 16n; nonce++) {
    const r = Point.BASE.multiply(nonce).toBytes();
    const k = bytesToNumberLE(sha512(new Uint8Array([...r, ...x, ...text]))) % Point.Fn.ORDER;
    const s = (nonce + k * scalar) % Point.Fn.ORDER;
    const signature = new Uint8Array([...r, ...numberToBytesLE(s, 32)]);
    assert.equal(ed25519.verify(signature, text, x, { zip215: true }), true);
    const numbers = { kind: 'Ed25519', x } as const;
    const expected = verifiedBy(node, numbers, text, signature);
    assert.equal(verifiedBy(browser, numbers, text, signature), expected);
    if (!expected) refused++;
  }
  assert.ok(refused > 0);
});

test('S4-116: numbers that are no key are refused by both', () => {
  for (const kind of kinds) {
    const { d: _, ...numbers } = browser.exportKey(browser.generate(kind))!;
    const damaged = { ...numbers, x: numbers.x.slice(1) };
    assert.throws(() => browser.importKey(damaged), kind);
    assert.throws(() => node.importKey(damaged), kind);
  }
  for (const kind of curves) {
    const numbers = browser.exportKey(browser.generate(kind))!;
    const beside = { ...numbers, y: numbers.x };
    assert.throws(() => browser.importKey(beside), kind);
    assert.throws(() => node.importKey(beside), kind);
  }
});

test('S4-116: both providers come to the same secret with the other’s keys', () => {
  for (const kind of curves) {
    const [one, other] = [browser.generate(kind), node.generate(kind)];
    const how = { salt: text, context: plain(text.subarray(3)), length: 32 };
    const own = browser.agree(one, browser.importKey(node.exportKey(other)!), how);
    assert.deepEqual(own, node.agree(other, node.importKey(browser.exportKey(one)!), how));
    assert.throws(() => browser.agree(one, browser.generate(kind === 'P-256' ? 'P-384' : 'P-256'), how));
  }
});

test('S4-116: both providers wrap a key alike, and neither unwraps what another secret has wrapped', () => {
  const secrets = fc.constantFrom(16, 24, 32).chain(exactly);
  fc.assert(
    fc.property(secrets, secrets, fc.nat(39), (secret, key, at) => {
      const wrapped = browser.wrapKey(secret, key);
      assert.deepEqual(wrapped, node.wrapKey(secret, key));
      assert.deepEqual(browser.unwrapKey(secret, wrapped), key);
      const flipped = wrapped.map((byte, index) => (index === at % wrapped.length ? byte ^ 1 : byte));
      for (const wrong of [flipped, wrapped.slice(0, 20), new Uint8Array(16)]) {
        assert.equal(browser.unwrapKey(secret, wrong), undefined);
        assert.equal(node.unwrapKey(secret, wrong), undefined);
      }
    }),
    { numRuns: 50 },
  );
});

test('S4-116: both providers seal a message of a channel alike, and open only what is whole', () => {
  const additional = fc.uint8Array({ minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(exactly(16), exactly(13), additional, bytes(), fc.nat(), (key, nonce, data, message, at) => {
      const secret = { key, nonce, additional: data };
      const sealed = node.sealCcm(secret, message);
      assert.deepEqual(browser.sealCcm(secret, message), sealed);
      const flipped = sealed.map((byte, index) => (index === at % sealed.length ? byte ^ 1 : byte));
      for (const provider of [node, browser]) {
        assert.deepEqual(provider.openCcm(secret, sealed), message);
        for (const wrong of [flipped, sealed.slice(1), new Uint8Array(7)])
          assert.equal(provider.openCcm(secret, wrong), undefined);
      }
    }),
    { numRuns: 50 },
  );
});

test('S4-116: random bytes are as many as wanted, and others each time', () => {
  for (const length of [0, 1, 32, 200_000]) assert.equal(browser.randomBytes(length).length, length);
  assert.notDeepEqual(browser.randomBytes(32), browser.randomBytes(32));
  assert.ok(
    browser
      .randomBytes(200_000)
      .subarray(190_000)
      .some((byte) => byte !== 0),
  );
});

test('S4-116: text that is no unencrypted key is refused', () => {
  const encrypted = node.generate('P-256').export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  }) as string;
  const pem = browser.writePem(browser.generate('P-256'));
  const shortened = pem.replace(/\n.{8}/, '\n');
  for (const text of [
    encrypted,
    '',
    'a'.repeat(70_000),
    shortened,
    pem.replaceAll('PRIVATE', 'DSA PRIVATE'),
  ]) {
    assert.throws(() => browser.readPem(text));
  }
});
