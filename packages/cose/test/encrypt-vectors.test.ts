/** What others encrypted: the examples of firmware-encryption-24 and of the COSE group, and Wycheproof. */

import assert from 'node:assert/strict';
import { createECDH, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { Tagged, decode, encode, unhex } from '@lapel/cbor';
import type { ContentAlgorithm, RecipientKey, RecipientPublicKey, WrappingKey } from '@lapel/cose';
import {
  CoseError,
  contentAlgorithms,
  contentKey,
  decodeSigningKey,
  decodeVerificationKey,
  decrypt0,
  decryptWith,
  recipientKey,
  recipientPublicKey,
  wrappingKey,
} from '@lapel/cose';
import { agree, createDecryption, unwrapKey } from '../src/crypto.ts';
import { missing, vector, vectorBytes } from './public-vectors.ts';

const contentNames = Object.keys(contentAlgorithms) as ContentAlgorithm[];
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

interface Example {
  readonly input: {
    readonly plaintext: string;
    readonly encrypted?: Layer;
    readonly enveloped?: Layer;
  };
  readonly output: { readonly cbor: string };
}

interface Layer {
  readonly recipients: readonly {
    readonly key: { readonly kid: string; readonly k?: string; readonly d?: string };
  }[];
}

function open({ input, output }: Example): void {
  const cbor = unhex(output.cbor)!;
  const plaintext = utf8.encode(input.plaintext);
  const [{ key }] = (input.encrypted ?? input.enveloped!).recipients as readonly [Layer['recipients'][0]];
  if (input.encrypted !== undefined) {
    const secret = base64url(key.k!);
    const keys = contentNames.filter((name) => contentAlgorithms[name].keyBytes === secret.length);
    assert.deepEqual(
      decrypt0(
        cbor,
        keys.map((name) => contentKey(name, secret)),
      ),
      plaintext,
    );
    return;
  }
  const { tag, content } = decode(cbor) as Tagged;
  const [header, unprotected, ciphertext, recipients] = content as readonly Item[];
  assert.ok(ciphertext instanceof Uint8Array);
  const info = encode(new Tagged(tag, [header!, unprotected, null, recipients]));
  const kid = utf8.encode(key.kid);
  const own =
    key.k === undefined ? { ...privateKey(base64url(key.d!)), kid } : wrappingKey(base64url(key.k), kid);
  assert.equal(decrypted(info, ciphertext, [own]), input.plaintext);
}

/** Read as the working group says they are to be read. */
const accepted = [
  'aes-gcm-examples/aes-gcm-enc-01',
  'aes-gcm-examples/aes-gcm-enc-02',
  'aes-gcm-examples/aes-gcm-enc-03',
  'chacha-poly-examples/chacha-poly-enc-01',
  'encrypted-tests/aes-gcm-01',
  'aes-wrap-examples/aes-wrap-128-04',
  'aes-wrap-examples/aes-wrap-128-05',
  'aes-wrap-examples/aes-wrap-192-04',
  'aes-wrap-examples/aes-wrap-192-05',
  'aes-wrap-examples/aes-wrap-256-04',
  'aes-wrap-examples/aes-wrap-256-05',
];

/** Wrong, and refused. */
const wrong = [
  'aes-gcm-examples/aes-gcm-enc-04',
  ...[1, 2, 3, 4, 6, 7].map((each) => `encrypted-tests/enc-fail-0${each}`),
];

/** Right by RFC 9052, and refused on purpose. */
const outside = {
  'encrypted-tests/enc-pass-01': 'the algorithm stands twice',
  'encrypted-tests/enc-pass-02': 'has external data, which SUIT never has',
  'encrypted-tests/enc-pass-03': 'the algorithm is unprotected',
  'aes-gcm-examples/aes-gcm-01': 'its content key is shared and not wrapped',
  'aes-gcm-examples/aes-gcm-05': 'a partial initial vector',
  'chacha-poly-examples/chacha-poly-01': 'its content key is shared and not wrapped',
};
// Left out: aes-wrap 01 to 03 are COSE_Mac; ecdh-wrap derives its keys without the context of SUIT; enveloped
// tests share their content key as aes-gcm-01 does.

for (const name of accepted) {
  test(`RFC 9052 §5, cose-wg: ${name} is read`, { skip: missing }, () =>
    open(vector<Example>('cose-wg-examples', `${name}.json`)),
  );
}
for (const name of wrong) {
  test(`RFC 9052 §5, cose-wg: ${name} is refused`, { skip: missing }, () =>
    assert.throws(() => open(vector<Example>('cose-wg-examples', `${name}.json`)), refused),
  );
}

for (const [name, why] of Object.entries(outside)) {
  test(`cose-wg: ${name} is outside the profile: ${why}`, { skip: missing }, () =>
    assert.throws(() => open(vector<Example>('cose-wg-examples', `${name}.json`)), refused),
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
}

interface WrapRow {
  readonly key: string;
  readonly msg: string;
  readonly ct: string;
}

test('Wycheproof: AES key wrap, for keys of the lengths that are wrapped here', { skip: missing }, () => {
  const { testGroups } = vector<Wycheproof<WrapRow>>('wycheproof', 'aes_wrap_test.json');
  let count = 0;
  for (const { tcId, key, msg, ct, result } of testGroups.flatMap(({ tests }) => tests)) {
    const wrapped = unhex(ct)!;
    if (![24, 32, 40].includes(wrapped.length)) continue;
    count += 1;
    const found = unwrapKey(unhex(key)!, wrapped);
    if (result === 'invalid') assert.equal(found, undefined, String(tcId));
    else assert.deepEqual(found, unhex(msg), String(tcId));
  }
  assert.ok(count > 0);
});
interface AgreementRow {
  readonly public: Readonly<Record<string, string>>;
  readonly private: Readonly<Record<string, string>>;
  readonly shared: string;
}

test(
  'Wycheproof: ECDH on P-256 agrees on what it should, and with no point off the curve',
  { skip: missing },
  () => {
    const { testGroups } = vector<Wycheproof<AgreementRow>>(
      'wycheproof',
      'ecdh_secp256r1_webcrypto_test.json',
    );
    const options = { salt: new Uint8Array(), context: utf8.encode('here'), length: 32 };
    for (const { tcId, public: other, private: own, shared, result } of testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      let found: Uint8Array | undefined;
      try {
        found = agree(privateKey(base64url(own['d']!)).native, publicKey(other).native, options);
      } catch (error) {
        if (!(error instanceof CoseError)) throw error;
      }
      const secret = unhex(shared)!;
      const expected = new Uint8Array(hkdfSync('sha256', secret, options.salt, options.context, 32));
      assert.deepEqual(found, result === 'valid' ? expected : undefined, String(tcId));
    }
  },
);

function publicKey({ crv, x, y }: Readonly<Record<string, string>>): RecipientPublicKey {
  const members = new Map<Item, Item>([
    [1, 2],
    [-1, crv === 'P-256' ? 1 : 0],
    [-2, base64url(x ?? '')],
    [-3, base64url(y ?? '')],
  ]);
  return recipientPublicKey(decodeVerificationKey(encode(members)));
}

const refused = (error: unknown) => error instanceof CoseError;
