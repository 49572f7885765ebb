/** What others encrypted: the examples of firmware-encryption-24, and Wycheproof. */

import assert from 'node:assert/strict';
import { createECDH } from 'node:crypto';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { Tagged, encode, unhex } from '@lapel/cbor';
import type { ContentAlgorithm, RecipientKey, WrappingKey } from '@lapel/cose';
import {
  CoseError,
  contentAlgorithms,
  contentKey,
  decodeSigningKey,
  decodeVerificationKey,
  decrypt0,
  decryptWith,
  encryptTag,
  joined,
  recipientKey,
  recipientPublicKey,
  wrappingKey,
} from '@lapel/cose';
import { agree, createDecryption, hkdfSha256, unwrapKey } from '../src/crypto.ts';
import { missing, vector, vectorBytes } from './public-vectors.ts';

const utf8 = new TextEncoder();
const base64url = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));

function decrypted(
  info: Uint8Array,
  ciphertext: Uint8Array,
  keys: readonly (WrappingKey | RecipientKey)[],
): string {
  const running = decryptWith(info, keys);
  const pieces = [...ciphertext].map((byte) => running.update(Uint8Array.of(byte)));
  return new TextDecoder().decode(
    Uint8Array.from([...pieces, running.finish()].flatMap((piece) => [...piece])),
  );
}

/** The keys that the document gives; the private number stands beside the vectors. */
function documentKeys(): { readonly shared: WrappingKey; readonly own: RecipientKey } {
  const shared = wrappingKey(utf8.encode('a'.repeat(16)), utf8.encode('kid-1'));
  const notes = new TextDecoder().decode(vectorBytes('firmware-encryption-24', 'README.txt'));
  const key = privateKey(unhex(/kid-2\) d=([0-9A-F]{64})/.exec(notes)![1]!.toLowerCase())!);
  return { shared, own: { ...key, kid: utf8.encode('kid-2') } };
}

function privateKey(d: Uint8Array): RecipientKey {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  const members = new Map<Item, Item>([
    [1, 2],
    [-1, 1],
    [-2, point.slice(1, 33)],
    [-3, point.slice(33)],
    [-4, d],
  ]);
  return recipientKey(decodeSigningKey(encode(members)));
}

for (const name of ['aes-kw-aes-gcm', 'aes-kw-aes-ctr', 'es-ecdh-aes-gcm', 'es-ecdh-aes-ctr']) {
  test(
    `S4-87, firmware-encryption-24: ${name} decrypts, and only with the key it is for`,
    { skip: missing },
    () => {
      const info = vectorBytes('firmware-encryption-24', `suit-encryption-info-${name}.cose`);
      const ciphertext = vectorBytes('firmware-encryption-24', `encrypted-payload-${name}.bin`);
      const { shared, own } = documentKeys();
      assert.equal(decrypted(info, ciphertext, [shared, own]), 'This is a real firmware image.');
      const others = [name.startsWith('aes') ? own : shared];
      assert.throws(() => decryptWith(info, others), refused);
      assert.throws(() => decryptWith(info, []), refused);
    },
  );
}

interface Wycheproof<Row> {
  readonly testGroups: readonly {
    readonly ivSize: number;
    readonly tagSize: number;
    readonly keySize: number;
    readonly tests: readonly (Row & { readonly tcId: number; readonly result: string })[];
  }[];
}

interface ContentRow {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}

for (const [file, nameOf] of [
  ['aes_gcm_test.json', (bits: number) => `A${bits}GCM`],
  ['chacha20_poly1305_test.json', () => 'ChaCha20/Poly1305'],
] as const) {
  test(`Wycheproof: ${file} with an initial vector of 96 bits`, { skip: missing }, () => {
    const { testGroups } = vector<Wycheproof<ContentRow>>('wycheproof', file);
    for (const { keySize, tests } of testGroups.filter(({ ivSize }) => ivSize === 96)) {
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of tests) {
        const algorithm = nameOf(keySize) as ContentAlgorithm;
        const additional = unhex(aad)!;
        const running = createDecryption({ algorithm, key: unhex(key)!, iv: unhex(iv)!, additional });
        const found = running.update(unhex(ct)!);
        assert.equal(running.finish(unhex(tag)!), result === 'valid', String(tcId));
        if (result === 'valid') assert.deepEqual(found, unhex(msg), String(tcId));
      }
    }
  });

  test(`RFC 9053 §4, Wycheproof: ${file} with another initial vector is refused`, { skip: missing }, () => {
    const { testGroups } = vector<Wycheproof<ContentRow>>('wycheproof', file);
    for (const { keySize, tests } of testGroups.filter(({ ivSize }) => ivSize !== 96)) {
      const algorithm = nameOf(keySize) as ContentAlgorithm;
      const body = encode(new Map([[1, contentAlgorithms[algorithm].code]]));
      for (const { tcId, key, iv, ct, tag } of tests) {
        const message = encode([body, new Map([[5, unhex(iv)!]]), joined(unhex(ct)!, unhex(tag)!)]);
        const opened = () => decrypt0(message, [contentKey(algorithm, unhex(key)!)]);
        assert.throws(opened, refused, String(tcId));
      }
    }
  });
}

interface WrapRow {
  readonly key: string;
  readonly msg: string;
  readonly ct: string;
}

test('Wycheproof: AES key wrap, and no key of a length that no content has', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof<WrapRow>>('wycheproof', 'aes_wrap_test.json');
  for (const { tcId, key, msg, ct, result } of testGroups.flatMap(({ tests }) => tests)) {
    const [secret, wrapped] = [unhex(key)!, unhex(ct)!];
    if ([24, 32, 40].includes(wrapped.length)) {
      assert.deepEqual(
        unwrapKey(secret, wrapped),
        result === 'invalid' ? undefined : unhex(msg),
        String(tcId),
      );
    } else {
      const recipient: Item = [new Uint8Array(), new Map([[1, wrapCodes[secret.length]!]]), wrapped];
      const info = encode(
        new Tagged(encryptTag, [gcm, new Map([[5, new Uint8Array(12)]]), null, [recipient]]),
      );
      assert.throws(() => decryptWith(info, [wrappingKey(secret)]), refused, String(tcId));
    }
  }
});

const gcm = encode(new Map([[1, contentAlgorithms.A128GCM.code]]));
/** RFC 9053 §6.2: AES key wrap by the length of its key. */
const wrapCodes: Readonly<Record<number, number>> = { 16: -3, 24: -4, 32: -5 };

interface AgreementRow {
  readonly public: Readonly<Record<string, string>>;
  readonly private: Readonly<Record<string, string>>;
  readonly shared: string;
}

test(
  'Wycheproof: ECDH on P-256 agrees on what it should, and with no point off the curve',
  { skip: missing },
  () => {
    const file = 'ecdh_secp256r1_webcrypto_test.json';
    const { testGroups } = vector<Wycheproof<AgreementRow>>('wycheproof', file);
    for (const { tcId, public: other, private: own, shared, result } of testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const found = agreed(base64url(own['d']!), numbersOf(other));
      assert.deepEqual(found, result === 'valid' ? derived(shared) : undefined, String(tcId));
    }
  },
);

test('Wycheproof: ECDH on P-256 with a point in one string, and none compressed', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof<PointRow>>('wycheproof', 'ecdh_secp256r1_ecpoint_test.json');
  for (const { tcId, public: inHex, private: own, shared, result } of testGroups.flatMap(
    ({ tests }) => tests,
  )) {
    const point = unhex(inHex)!;
    const isWhole = point[0] === 4 && point.length === 65;
    const y = isWhole ? point.slice(33) : point[0] === 3;
    const numbers = new Map<Item, Item>([
      [1, 2],
      [-1, 1],
      [-2, point.slice(1, 33)],
      [-3, y],
    ]);
    const found = agreed(unhex(own.padStart(64, '0').slice(-64))!, numbers);
    assert.deepEqual(found, result === 'valid' ? derived(shared) : undefined, String(tcId));
  }
});

interface PointRow {
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}

const options = { salt: new Uint8Array(), context: utf8.encode('here'), length: 32 };
const derived = (shared: string) => hkdfSha256(unhex(shared)!, options);

/** Undefined with what is no public key here. */
function agreed(d: Uint8Array, other: ReadonlyMap<Item, Item>): Uint8Array | undefined {
  try {
    const { native } = recipientPublicKey(decodeVerificationKey(encode(other)));
    return agree(privateKey(d).native, native, options);
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    return undefined;
  }
}

const numbersOf = ({ crv, x, y }: Readonly<Record<string, string>>) =>
  new Map<Item, Item>([
    [1, 2],
    [-1, crv === 'P-256' ? 1 : 0],
    [-2, base64url(x ?? '')],
    [-3, base64url(y ?? '')],
  ]);

const refused = (error: unknown) => error instanceof CoseError;
