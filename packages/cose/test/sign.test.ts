import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { Tagged, decode, encode, unhex } from '@lapel/cbor';
import type { AnyKeyKind, CoseErrorKind, KeyKind, SigningKey } from '@lapel/cose';
import {
  CoseError,
  generateSigningKey,
  keyKinds,
  macDetached,
  macKey,
  openSigned,
  peekSigned,
  signAttached,
  signDetached,
  verifyMac0,
  verifySign,
  verifySign1,
} from '@lapel/cose';
import { toBeAuthenticated } from '../src/headers.ts';

const payload = unhex('822f5820')!;
const labels: Readonly<Record<AnyKeyKind, number>> = {
  'P-256': -9,
  'P-384': -51,
  Ed25519: -19,
  'ML-DSA-44': -48,
  'ML-DSA-65': -49,
  'ML-DSA-87': -50,
  'HSS-LMS': -46,
};
const kinds = Object.keys(keyKinds) as KeyKind[];

const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;
const aCoseError = (error: unknown) => error instanceof CoseError;

type Header = ReadonlyMap<Item, Item>;
const header = (...pairs: readonly (readonly [Item, Item])[]): Header => new Map(pairs);

/** A detached COSE_Sign1 with headers of one's choice, properly signed. */
function sign1(key: SigningKey, protectedHeader: Header, unprotected: Header = header()): Uint8Array {
  const encoded = encode(protectedHeader);
  const signature = key.sign(toBeAuthenticated('Signature1', encoded, payload));
  return encode(new Tagged(18, [encoded, unprotected, null, signature]));
}

/** A detached COSE_Sign of these keys. */
function signAll(
  keys: readonly SigningKey[],
  body: Uint8Array = new Uint8Array(),
  unprotectedBody: Header = header(),
): Uint8Array {
  const signatures = keys.map((key) => {
    const encoded = encode(header([1, labels[key.kind]]));
    const structure = toBeAuthenticated('Signature', body, payload, encoded);
    return [encoded, header(), key.sign(structure)];
  });
  return encode(new Tagged(98, [body, unprotectedBody, null, signatures]));
}

/** Every bit of what is short; of what is long, a prime step apart, so that each place in a byte comes by. */
function* flipsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit += bytes.length > 400 ? 61 : 1) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield flipped;
  }
}

for (const kind of kinds) {
  test(`RFC 9052 §4.4, ${kind}: what one signs the other verifies, and learns by which key`, () => {
    const [key, other] = [generateSigningKey(kind), generateSigningKey(kind)];
    const keys = [other.public, key.public];
    assert.equal(verifySign1(signDetached(key, payload), payload, keys), key.public);
    const opened = openSigned(signAttached(key, payload, 270), keys);
    assert.deepEqual(opened, { payload, key: key.public });
    const peeked = peekSigned(signAttached(key, payload));
    assert.deepEqual(peeked, { payload, kid: key.kid });
  });

  test(`S1-12, ${kind}: any flipped bit of a detached COSE_Sign1 or of its payload is refused`, () => {
    const key = generateSigningKey(kind);
    const signed = signDetached(key, payload);
    for (const flipped of flipsOf(signed)) {
      assert.throws(() => verifySign1(flipped, payload, [key.public]), aCoseError);
    }
    for (const flipped of flipsOf(payload)) {
      assert.throws(() => verifySign1(signed, flipped, [key.public]), refused('signature'));
    }
  });

  test(`S1-12, ${kind}: any flipped bit of an attached COSE_Sign1 is refused, those of the kid too`, () => {
    const key = generateSigningKey(kind);
    for (const flipped of flipsOf(signAttached(key, payload, 270))) {
      assert.throws(() => openSigned(flipped, [key.public]), aCoseError);
    }
  });

  test(`§8.3, ${kind}: any flipped bit of a COSE_Sign by one signer is refused`, () => {
    const key = generateSigningKey(kind);
    for (const flipped of flipsOf(signAll([key]))) {
      assert.throws(() => verifySign(flipped, payload, [key.public]), aCoseError);
    }
  });
}

test('S1-12: any flipped bit of a COSE_Mac0 is refused', () => {
  for (const kid of [undefined, unhex('2a')!]) {
    const key = macKey(unhex('00112233445566778899aabbccddeeff')!, kid);
    const mac = macDetached(key, payload);
    assert.equal(verifyMac0(mac, payload, [key]), key);
    for (const flipped of flipsOf(mac)) assert.throws(() => verifyMac0(flipped, payload, [key]), aCoseError);
  }
});

test('RFC 9052 §8: a signature is not tried with a key on another curve than its label names', () => {
  const [p256, ed25519] = [generateSigningKey('P-256'), generateSigningKey('Ed25519')];
  assert.throws(
    () => verifySign1(signDetached(p256, payload), payload, [ed25519.public]),
    refused('untrusted'),
  );
  assert.throws(
    () => verifySign1(signDetached(ed25519, payload), payload, [p256.public]),
    refused('untrusted'),
  );
  const mislabelled = sign1(p256, header([1, labels.Ed25519]));
  assert.throws(() => verifySign1(mislabelled, payload, [p256.public]), refused('untrusted'));
  assert.throws(() => verifySign1(mislabelled, payload, [ed25519.public]), refused('signature'));
});

test('trap 3: the older labels ES256, ES384 and EdDSA are read as what they are on these curves', () => {
  for (const [kind, label] of [
    ['P-256', -7],
    ['P-384', -35],
    ['Ed25519', -8],
  ] as const) {
    const key = generateSigningKey(kind);
    assert.equal(verifySign1(sign1(key, header([1, label])), payload, [key.public]), key.public);
  }
});

test('RFC 9864: what is written names the curve or the parameter set, never a family of them', () => {
  for (const kind of kinds) {
    const { content } = decode(signDetached(generateSigningKey(kind), payload)) as Tagged;
    const [encoded] = content as readonly [Uint8Array];
    assert.deepEqual(decode(encoded), header([1, labels[kind]]));
  }
});

test('RFC 9052 §8: ES384 is not ES256 by another name, and ML-DSA-65 not ML-DSA-44', () => {
  for (const [kind, label] of [
    ['P-256', -35],
    ['P-384', -7],
    ['ML-DSA-44', -49],
    ['ML-DSA-87', -48],
  ] as const) {
    const key = generateSigningKey(kind);
    assert.throws(() => verifySign1(sign1(key, header([1, label])), payload, [key.public]), aCoseError);
  }
});

test('RFC 9053: an algorithm that is not spoken here is refused before any signature is tried', () => {
  const key = generateSigningKey('P-256');
  for (const label of [-36, -37, -257, -45, 5, 0, -65536]) {
    const signed = sign1(key, header([1, label]));
    assert.throws(() => verifySign1(signed, payload, [key.public]), refused('algorithm'), String(label));
  }
});

test('RFC 9052 §3.1: the algorithm stands under protection, once', () => {
  const key = generateSigningKey('P-256');
  for (const signed of [
    sign1(key, header(), header([1, -9])),
    sign1(key, header([4, key.kid])),
    sign1(key, header([1, -9]), header([1, -9])),
    sign1(key, header([1, 'ESP256'])),
  ]) {
    assert.throws(() => verifySign1(signed, payload, [key.public]), refused('malformed'));
  }
});

test('RFC 9052 §3.1: crit holds only labels that are understood and stand beside it', () => {
  const key = generateSigningKey('P-256');
  const accept = sign1(key, header([1, -9], [2, [1, 3]], [3, 270]));
  assert.equal(verifySign1(accept, payload, [key.public]), key.public);
  for (const critical of [[99], [1, -70000], [3], [4], [2], []]) {
    const signed = sign1(key, header([1, -9], [2, critical]));
    assert.throws(() => verifySign1(signed, payload, [key.public]), refused('malformed'), String(critical));
  }
});

test('a header that nobody here knows is refused, protected or not', () => {
  const key = generateSigningKey('P-256');
  for (const signed of [
    sign1(key, header([1, -9], [5, unhex('00')!])),
    sign1(key, header([1, -9], [15, header()])),
    sign1(key, header([1, -9]), header([5, unhex('00')!])),
    sign1(key, header([1, -9]), header(['note', 'hello'])),
    sign1(key, header([1, -9], [4, key.kid]), header([4, key.kid])),
  ]) {
    assert.throws(() => verifySign1(signed, payload, [key.public]), refused('malformed'));
  }
});

test('a key identifier narrows the keys that are tried; another key than the named one is not', () => {
  const [key, other] = [generateSigningKey('P-256'), generateSigningKey('P-256')];
  for (const named of [
    sign1(key, header([1, -9], [4, key.kid])),
    sign1(key, header([1, -9]), header([4, key.kid])),
  ]) {
    assert.equal(verifySign1(named, payload, [other.public, key.public]), key.public);
    assert.throws(() => verifySign1(named, payload, [other.public]), refused('untrusted'));
  }
  const misnamed = sign1(key, header([1, -9]), header([4, other.kid]));
  assert.throws(() => verifySign1(misnamed, payload, [key.public]), refused('untrusted'));
  assert.throws(() => verifySign1(misnamed, payload, [key.public, other.public]), refused('signature'));
  assert.throws(() => verifySign1(misnamed, payload, []), refused('untrusted'));
});

test('§8.3: of the signers of a COSE_Sign one trusted key is enough, wherever it stands', () => {
  const [one, two, three] = [
    generateSigningKey('P-256'),
    generateSigningKey('Ed25519'),
    generateSigningKey('P-256'),
  ];
  const signed = signAll([one, two]);
  assert.equal(verifySign(signed, payload, [one.public]), one.public);
  assert.equal(verifySign(signed, payload, [two.public]), two.public);
  assert.throws(() => verifySign(signed, payload, [three.public]), refused('signature'));
  assert.throws(() => verifySign(signAll([]), payload, [one.public]), refused('malformed'));
  assert.throws(
    () => verifySign(signAll(Array<SigningKey>(9).fill(one)), payload, [one.public]),
    refused('malformed'),
  );
});

test('RFC 9052 §3: the body of a COSE_Sign holds no header that nobody acts on', () => {
  const key = generateSigningKey('P-256');
  assert.equal(verifySign(signAll([key], encode(header([3, 0]))), payload, [key.public]), key.public);
  for (const signed of [
    signAll([key], new Uint8Array(), header([4, key.kid])),
    signAll([key], encode(header([1, -9]))),
    signAll([key], encode(header([2, [99]]))),
    signAll([key], encode(header([99, 0]))),
    signAll([key], unhex('ff')),
  ]) {
    assert.throws(() => verifySign(signed, payload, [key.public]), refused('malformed'));
  }
});

test('§8.3: a payload that is attached where it should be detached is refused, and vice versa', () => {
  const key = generateSigningKey('P-256');
  assert.throws(() => verifySign1(signAttached(key, payload), payload, [key.public]), refused('malformed'));
  assert.throws(() => openSigned(signDetached(key, payload), [key.public]), refused('malformed'));
});

test('RFC 9052 §4.4: a signature for one structure is none for another', () => {
  const key = generateSigningKey('P-256');
  const encoded = encode(header([1, -9]));
  const signature = key.sign(toBeAuthenticated('Signature1', encoded, payload));
  const moved = encode(new Tagged(98, [new Uint8Array(), header(), null, [[encoded, header(), signature]]]));
  assert.throws(() => verifySign(moved, payload, [key.public]), refused('signature'));
});

test('a tag of another length, or a secret of another holder, is refused', () => {
  const key = macKey(unhex('00112233445566778899aabbccddeeff')!, unhex('01'));
  const { content } = decode(macDetached(key, payload)) as Tagged;
  const [body, unprotected, , tag] = content as readonly [Uint8Array, Header, null, Uint8Array];
  const shorter = encode(new Tagged(17, [body, unprotected, null, tag.subarray(0, 8)]));
  assert.throws(() => verifyMac0(shorter, payload, [key]), refused('signature'));
  const other = macKey(unhex('ffeeddccbbaa99887766554433221100')!, unhex('01'));
  assert.throws(() => verifyMac0(macDetached(key, payload), payload, [other]), refused('signature'));
  const unnamed = macKey(key.secret);
  assert.throws(() => verifyMac0(macDetached(key, payload), payload, [unnamed]), refused('untrusted'));
  assert.throws(() => verifyMac0(macDetached(key, payload), payload, []), refused('untrusted'));
});

test('r and s of zero, or of the order of the curve, are no signature', () => {
  const key = generateSigningKey('P-256');
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
  for (const signature of ['00'.repeat(64), order + order, `${'00'.repeat(31)}01${'00'.repeat(32)}`]) {
    const signed = encode(new Tagged(18, [encode(header([1, -9])), header(), null, unhex(signature)!]));
    assert.throws(() => verifySign1(signed, payload, [key.public]), refused('signature'));
  }
});
