import assert from 'node:assert/strict';
import * as node from 'node:crypto';
import { test } from 'node:test';
import { decode, encode, hex, unhex } from '@lapel/cbor';
import type { Item } from '@lapel/cbor';
import type { CoseErrorKind, KeyKind, SigningKey } from '@lapel/cose';
import {
  CoseError,
  decodeSigningKey,
  decodeVerificationKey,
  digest,
  encodeSigningKey,
  encodeVerificationKey,
  generateSigningKey,
  keyKinds,
  keyToPem,
  macKey,
  publicKeyOf,
  readKeyPem,
  signAttached,
  openSigned,
} from '@lapel/cose';

/** Every kind with the labels that it may name and others that it may not. */
const labels: Readonly<
  Record<KeyKind, { readonly own: readonly number[]; readonly other: readonly number[] }>
> = {
  'P-256': { own: [-7, -9], other: [-8, -19, -35, -51, 5] },
  'P-384': { own: [-35, -51], other: [-7, -9, -36] },
  Ed25519: { own: [-8, -19], other: [-7, -9, -257] },
  'ML-DSA-44': { own: [-48], other: [-7, -46, -19] },
  'ML-DSA-65': { own: [-49], other: [-7, -46, -19] },
  'ML-DSA-87': { own: [-50], other: [-7, -46, -19] },
};
const kinds = Object.keys(keyKinds) as KeyKind[];

/** The example of RFC 9679 §6, which is a P-256 key. */
const example = {
  x: '65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d',
  y: '1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c',
  thumbprint: '496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
};

const coseKey = (members: Readonly<Record<number, Item>>): Uint8Array =>
  encode(new Map(Object.entries(members).map(([label, value]) => [Number(label), value])));

const members = (key: Uint8Array): Record<number, Item> =>
  Object.fromEntries(decode(key) as ReadonlyMap<number, Item>) as Record<number, Item>;

const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;

test("RFC 9679 §6: the example key has the document's thumbprint, whatever else stands beside", () => {
  const required = { 1: 2, [-1]: 1, [-2]: unhex(example.x)!, [-3]: unhex(example.y)! };
  assert.equal(hex(decodeVerificationKey(coseKey(required)).kid), example.thumbprint);
  const more = coseKey({ ...required, 2: unhex('3131')!, 3: -7 });
  assert.equal(hex(decodeVerificationKey(more).kid), example.thumbprint);
});

for (const kind of kinds) {
  test(`${kind}: PEM, COSE_Key and kid name the same key, back and forth`, () => {
    const key = generateSigningKey(kind);
    const fromPem = readKeyPem(keyToPem(key)) as SigningKey;
    const fromCose = decodeSigningKey(encodeSigningKey(key));
    for (const each of [fromPem, fromCose]) {
      assert.equal(each.use, 'sign');
      assert.deepEqual(each.kid, key.kid);
      const signed = signAttached(each, unhex('00')!);
      assert.deepEqual(openSigned(signed, [key.public]).key, key.public);
    }
    const publicPem = readKeyPem(keyToPem(key.public));
    assert.equal(publicPem.use, 'verify');
    assert.deepEqual(publicPem.kid, key.kid);
    const encoded = encodeVerificationKey(key.public);
    assert.deepEqual(encodeVerificationKey(decodeVerificationKey(encoded)), encoded);
    assert.deepEqual(digest('sha-256', encoded), key.kid);
  });

  test(`${kind}: a private COSE_Key read as a verification key loses its private half`, () => {
    const key = generateSigningKey(kind);
    const read = decodeVerificationKey(encodeSigningKey(key));
    assert.deepEqual(encodeVerificationKey(read), encodeVerificationKey(key.public));
    assert.throws(() => decodeSigningKey(encodeVerificationKey(key.public)), refused('malformed'));
  });

  test(`${kind}: halves of two keys are not one key`, () => {
    const [one, other] = [generateSigningKey(kind), generateSigningKey(kind)];
    const { family, privateBytes } = keyKinds[kind];
    const secret = family === 'AKP' ? -2 : -4;
    const mixed = { ...members(encodeSigningKey(one)), [secret]: members(encodeSigningKey(other))[secret]! };
    assert.throws(() => decodeSigningKey(coseKey(mixed)), refused('malformed'));
    const zero = { ...members(encodeSigningKey(one)), [secret]: new Uint8Array(privateBytes) };
    assert.throws(() => decodeSigningKey(coseKey(zero)), refused('malformed'));
    const short = { ...members(encodeSigningKey(one)), [secret]: new Uint8Array(privateBytes - 1) };
    assert.throws(() => decodeSigningKey(coseKey(short)), refused('malformed'));
  });

  test(`RFC 9052 §7.1, ${kind}: a key that names another algorithm than its own is refused`, () => {
    const key = members(encodeVerificationKey(generateSigningKey(kind).public));
    const { own, other } = labels[kind];
    for (const label of own) assert.equal(decodeVerificationKey(coseKey({ ...key, 3: label })).kind, kind);
    for (const label of other) {
      assert.throws(() => decodeVerificationKey(coseKey({ ...key, 3: label })), refused('algorithm'));
    }
  });
}

test('RFC 9053 §7: numbers that are no point on the curve are refused', () => {
  const off = { 1: 2, [-1]: 1, [-2]: unhex(example.x)!, [-3]: unhex(example.x)! };
  assert.throws(() => decodeVerificationKey(coseKey(off)), refused('malformed'));
  const zero = { 1: 2, [-1]: 1, [-2]: new Uint8Array(32), [-3]: new Uint8Array(32) };
  assert.throws(() => decodeVerificationKey(coseKey(zero)), refused('malformed'));
});

test('RFC 9053 §7: a COSE_Key of another kind, curve, length or form is refused', () => {
  const [x, y] = [unhex(example.x)!, unhex(example.y)!];
  const rows: readonly (readonly [CoseErrorKind, Readonly<Record<number, Item>>])[] = [
    ['algorithm', { 1: 2, [-1]: 3, [-2]: x, [-3]: y }],
    ['algorithm', { 1: 2, [-1]: 8, [-2]: x, [-3]: y }],
    ['algorithm', { 1: 1, [-1]: 7, [-2]: x }],
    ['algorithm', { 1: 1, [-1]: 4, [-2]: x }],
    ['algorithm', { 1: 1, [-1]: 1, [-2]: x, [-3]: y }],
    ['algorithm', { 1: 2, [-1]: 6, [-2]: x }],
    ['algorithm', { 1: 2, [-1]: 1, [-2]: x }],
    ['algorithm', { 1: 1, [-1]: 6, [-2]: x, [-3]: y }],
    ['algorithm', { 1: 4, [-1]: x }],
    ['malformed', { 1: 2, [-1]: 1, [-2]: x, [-3]: true }],
    ['malformed', { 1: 2, [-1]: 1, [-2]: x.subarray(1), [-3]: y }],
    ['malformed', { 1: 2, [-1]: 1, [-2]: x, [-3]: y, 4: [2] }],
    ['malformed', { [-1]: 1, [-2]: x, [-3]: y }],
    ['malformed', { 1: 2, [-1]: 2, [-2]: new Uint8Array(32), [-3]: new Uint8Array(48) }],
    ['algorithm', { 1: 7, [-1]: new Uint8Array(1312) }],
    ['algorithm', { 1: 7, 3: -7, [-1]: new Uint8Array(1312) }],
    ['algorithm', { 1: 7, 3: -48, [-1]: 1 }],
    ['algorithm', { 1: 7, 3: -48, [-1]: new Uint8Array(1312), [-3]: x }],
    ['malformed', { 1: 7, 3: -48, [-1]: new Uint8Array(1311) }],
    ['malformed', { 1: 7, 3: -49, [-1]: new Uint8Array(1312) }],
    ['malformed', { 1: 7, 3: -48, [-1]: new Uint8Array(1312), [-2]: x, [-4]: x }],
  ];
  for (const [kind, key] of rows) assert.throws(() => decodeVerificationKey(coseKey(key)), refused(kind));
  assert.throws(() => decodeVerificationKey(unhex('a1')!), refused('malformed'));
  assert.throws(() => decodeVerificationKey(new Uint8Array()), refused('malformed'));
});

test('S4-38: keys of other kinds and curves, RSA among them, are refused as PEM', () => {
  const pairs = [
    ...['secp224r1', 'secp256k1', 'secp521r1', 'prime192v1', 'brainpoolP256r1'].map((namedCurve) =>
      node.generateKeyPairSync('ec', { namedCurve }),
    ),
    node.generateKeyPairSync('rsa', { modulusLength: 1024 }),
    node.generateKeyPairSync('ed448'),
    node.generateKeyPairSync('x25519'),
  ];
  for (const { privateKey, publicKey } of pairs) {
    const pems = [
      privateKey.export({ format: 'pem', type: 'pkcs8' }),
      publicKey.export({ format: 'pem', type: 'spki' }),
    ];
    for (const pem of pems) assert.throws(() => readKeyPem(pem.toString()), refused('algorithm'));
  }
});

test('a text that is no key in PEM is refused, and so is a sealed key without its passphrase', () => {
  for (const text of ['', 'a key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n']) {
    assert.throws(() => readKeyPem(text), refused('malformed'));
  }
  assert.throws(
    () => readKeyPem('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
    refused('malformed'),
  );
  const { privateKey } = node.generateKeyPairSync('ed25519');
  const sealed = privateKey
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
    .toString();
  assert.equal(readKeyPem(sealed, 'open sesame').use, 'sign');
  assert.throws(() => readKeyPem(sealed), refused('malformed'));
  assert.throws(() => readKeyPem(sealed, 'open barley'), refused('malformed'));
});

test('a key in SEC 1 form, as openssl ecparam writes it, is read', () => {
  const { privateKey } = node.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const key = readKeyPem(privateKey.export({ format: 'pem', type: 'sec1' }).toString());
  assert.equal(key.use, 'sign');
  assert.equal(key.kind, 'P-256');
});

test('S4-38: an HMAC secret below 112 bits is refused', () => {
  for (const size of [0, 8, 13]) assert.throws(() => macKey(new Uint8Array(size)), refused('algorithm'));
  assert.equal(macKey(new Uint8Array(14)).secret.length, 14);
});

test('S2-08: a public key that is only kept has the bytes and the name that it has where it proves', () => {
  for (const kind of kinds) {
    const pair = generateSigningKey(kind);
    const encoded = encodeVerificationKey(pair.public);
    assert.deepEqual(publicKeyOf(encoded), { encoded, kid: pair.kid }, kind);
    // What is private in it is left behind.
    assert.deepEqual(publicKeyOf(encodeSigningKey(pair)), { encoded, kid: pair.kid }, kind);
    assert.throws(() => publicKeyOf(encoded.subarray(1)), CoseError, kind);
  }
});
