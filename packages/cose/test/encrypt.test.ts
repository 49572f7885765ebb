import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import type { Item } from '@lapel/cbor';
import { Tagged, decode, encode, unhex } from '@lapel/cbor';
import type { ContentAlgorithm, CoseErrorKind, RunningContent, WrappingKey } from '@lapel/cose';
import {
  CoseError,
  agreementAlgorithms,
  contentAlgorithms,
  contentKey,
  decryptWith,
  encodeVerificationKey,
  encryptFor,
  generateSigningKey,
  recipientKey,
  recipientPublicKey,
  wrappingKey,
} from '@lapel/cose';
import { agree, unwrapKey, wrapKey } from '../src/crypto.ts';

const utf8 = new TextEncoder();
const algorithms = Object.keys(contentAlgorithms) as ContentAlgorithm[];
const agreements = Object.keys(agreementAlgorithms) as (keyof typeof agreementAlgorithms)[];
const authenticated = algorithms.filter((name) => contentAlgorithms[name].tagBytes > 0);
const payload = utf8.encode('This is a firmware image for a lamp. '.repeat(40));

const refused = (kind: CoseErrorKind) => (error: unknown) =>
  error instanceof CoseError && error.kind === kind;
const aCoseError = (error: unknown) => error instanceof CoseError;

const secretOf = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const kek = (length: number, fill = 7, name = `device-${fill}`): WrappingKey =>
  wrappingKey(secretOf(length, fill), utf8.encode(name));
const device = () => recipientKey(generateSigningKey('P-256'));

const joined = (...pieces: readonly Uint8Array[]) => Uint8Array.from(pieces.flatMap((each) => [...each]));
const through = (running: RunningContent, bytes: Uint8Array) =>
  joined(running.update(bytes), running.finish());

function* flipsOf(bytes: Uint8Array, step = 1): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    yield bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  }
}

/** An info whose parts are changed. */
function changed(info: Uint8Array, change: (parts: Item[]) => void): Uint8Array {
  const { tag, content } = decode(info) as Tagged;
  const parts = [...(content as readonly Item[])];
  change(parts);
  return encode(new Tagged(tag, parts));
}

/** The wrapped content key of the first recipient. */
function wrappedIn(info: Uint8Array): Uint8Array {
  const [, , , recipients] = (decode(info) as Tagged).content as readonly Item[];
  const [[, , value]] = recipients as readonly [readonly [Item, Item, Uint8Array]];
  return value;
}

for (const algorithm of algorithms) {
  test(`S4-39, ${algorithm}: what is encrypted for a device by key wrap or key agreement it decrypts`, () => {
    const own = device();
    const publicKeys = agreements.map((name) => ({ ...own.public, algorithm: name }));
    for (const [recipient, key] of [
      ...[16, 24, 32].map((length) => [kek(length), kek(length)] as const),
      ...publicKeys.map((each) => [each, own] as const),
    ]) {
      const encryption = encryptFor([recipient], algorithm);
      const ciphertext = through(encryption, payload);
      assert.equal(ciphertext.length, payload.length + contentAlgorithms[algorithm].tagBytes);
      const decryption = decryptWith(encryption.info, [key]);
      assert.equal(decryption.algorithm, algorithm);
      assert.deepEqual(through(decryption, ciphertext), payload);
    }
  });

  test(`${algorithm}: pieces of any size come to the same, and no more than a tag is kept back`, () => {
    const seed = randomInt(2 ** 32 - 1);
    const next = random(seed);
    const { tagBytes } = contentAlgorithms[algorithm];
    for (let round = 0; round < 40; round++) {
      const encryption = encryptFor([kek(16)], algorithm);
      const content = payload.subarray(0, next(payload.length));
      const ciphertext = joined(
        ...pieces(content, next).map((each) => encryption.update(each)),
        encryption.finish(),
      );
      const decryption = decryptWith(encryption.info, [kek(16)]);
      const out: Uint8Array[] = [];
      let [came, went] = [0, 0];
      for (const piece of pieces(ciphertext, next)) {
        out.push(decryption.update(piece));
        came += piece.length;
        went += out.at(-1)!.length;
        assert.equal(went, Math.max(0, came - tagBytes), `seed ${seed}`);
      }
      out.push(decryption.finish());
      assert.deepEqual(joined(...out), content, `seed ${seed}`);
    }
  });
}

for (const algorithm of authenticated) {
  test(`${algorithm}: any flipped bit of the ciphertext, and any byte too few or many, is refused`, () => {
    const encryption = encryptFor([kek(16)], algorithm);
    const ciphertext = through(encryption, payload.subarray(0, 30));
    const attempt = (bytes: Uint8Array) => through(decryptWith(encryption.info, [kek(16)]), bytes);
    assert.deepEqual(attempt(ciphertext), payload.subarray(0, 30));
    for (const flipped of flipsOf(ciphertext)) assert.throws(() => attempt(flipped), refused('signature'));
    for (const length of [0, 1, 15, 16, 29, ciphertext.length - 1]) {
      assert.throws(() => attempt(ciphertext.subarray(0, length)), refused('signature'));
    }
    assert.throws(() => attempt(joined(ciphertext, Uint8Array.of(0))), refused('signature'));
  });

  test(`${algorithm}: any flipped bit of the encryption info is refused, or the content with it`, () => {
    const own = device();
    const encryption = encryptFor([own.public], algorithm);
    const ciphertext = through(encryption, payload);
    for (const flipped of flipsOf(encryption.info)) {
      assert.throws(() => through(decryptWith(flipped, [own]), ciphertext), aCoseError);
    }
  });
}

test('S4-39: a hundred devices share one ciphertext, and each adds at most 60 bytes', () => {
  for (const [length, algorithm] of [
    [16, 'A128CTR'],
    [16, 'A128GCM'],
    [32, 'A256CTR'],
    [16, 'ChaCha20/Poly1305'],
  ] as const) {
    const devices = Array.from({ length: 100 }, (_, index) =>
      kek(length, index, `lamp-${String(index).padStart(3, '0')}`),
    );
    const alone = encryptFor(devices.slice(0, 1), algorithm).info.length;
    const encryption = encryptFor(devices, algorithm);
    assert.ok((encryption.info.length - alone) / 99 <= 60, `${algorithm}: ${encryption.info.length - alone}`);
    const ciphertext = through(encryption, payload);
    for (const each of devices)
      assert.deepEqual(through(decryptWith(encryption.info, [each]), ciphertext), payload);
    assert.throws(() => decryptWith(encryption.info, [kek(length, 200)]), refused('untrusted'));
  }
});

test('S4-87: another secret under the right name is refused, and so is another key pair', () => {
  const { info } = encryptFor([kek(16, 7, 'lamp')], 'A128GCM');
  assert.throws(() => decryptWith(info, [kek(16, 8, 'lamp')]), refused('signature'));
  assert.throws(() => decryptWith(info, [kek(32, 7, 'lamp')]), refused('untrusted'));
  assert.throws(() => decryptWith(info, [device()]), refused('untrusted'));
  const [own, other] = [device(), device()];
  const agreed = encryptFor([own.public], 'A128GCM').info;
  assert.throws(() => decryptWith(agreed, [{ ...other, kid: own.public.kid }]), refused('signature'));
  assert.throws(() => decryptWith(agreed, [other]), refused('untrusted'));
});

test('RFC 9052 §5.1: recipients without a name are tried in turn, but not without end', () => {
  const unnamed = (fill: number) => wrappingKey(secretOf(16, fill));
  const own = unnamed(99);
  const few = encryptFor([...Array.from({ length: 20 }, (_, index) => unnamed(index)), own], 'A128GCM');
  const ciphertext = through(few, payload);
  assert.deepEqual(through(decryptWith(few.info, [own]), ciphertext), payload);
  const many = encryptFor([...Array.from({ length: 90 }, (_, index) => unnamed(index)), own], 'A128GCM');
  assert.throws(() => decryptWith(many.info, [own]), refused('signature'));
});

test('RFC 9052 §5.1: a recipient of another kind does not stand in the way of one that is understood', () => {
  const encryption = encryptFor([kek(16)], 'A128GCM');
  const ciphertext = through(encryption, payload);
  const direct: Item = [new Uint8Array(), new Map([[1, -6]]), new Uint8Array()];
  const both = changed(encryption.info, (parts) => (parts[3] = [direct, ...(parts[3] as Item[])]));
  assert.deepEqual(through(decryptWith(both, [kek(16)]), ciphertext), payload);
  const alone = changed(encryption.info, (parts) => (parts[3] = [direct]));
  assert.throws(() => decryptWith(alone, [kek(16)]), refused('algorithm'));
});

test('S4-38: algorithms that are weaker, withdrawn or unknown are refused by name', () => {
  const { info } = encryptFor([kek(16)], 'A128GCM');
  // AES-CCM with short tags, AES-CBC, HMAC, RSA.
  for (const label of [10, 12, 30, -65531, -65529, 5, -257, 0]) {
    const protectedBody = encode(new Map([[1, label]]));
    assert.throws(
      () =>
        decryptWith(
          changed(info, (parts) => (parts[0] = protectedBody)),
          [kek(16)],
        ),
      refused('algorithm'),
    );
  }
  for (const length of [0, 8, 13, 14, 15, 17, 33]) {
    assert.throws(() => wrappingKey(secretOf(length, 1)), refused('algorithm'));
    assert.throws(() => contentKey('A128GCM', secretOf(length, 1)), refused('algorithm'));
  }
  for (const kind of ['P-384', 'Ed25519', 'ML-DSA-44'] as const) {
    const key = generateSigningKey(kind);
    assert.throws(() => recipientKey(key), refused('algorithm'));
    assert.throws(() => recipientPublicKey(key.public), refused('algorithm'));
  }
});

test('RFC 9459 §4: CTR names itself without protection, an authenticated cipher with it', () => {
  const bare = encryptFor([kek(16)], 'A128CTR').info;
  const [body, unprotected] = (decode(bare) as Tagged).content as readonly [
    Uint8Array,
    ReadonlyMap<Item, Item>,
  ];
  assert.equal(body.length, 0);
  assert.deepEqual(unprotected.get(1), -65534);
  const moved = changed(bare, (parts) => {
    parts[0] = encode(new Map([[1, -65534]]));
    parts[1] = new Map([[5, unprotected.get(5)!]]);
  });
  assert.throws(() => decryptWith(moved, [kek(16)]), refused('malformed'));
  const exposed = changed(bare, (parts) => {
    parts[1] = new Map<Item, Item>([
      [1, 1],
      [5, secretOf(12, 0)],
    ]);
  });
  assert.throws(() => decryptWith(exposed, [kek(16)]), refused('malformed'));
});

test('RFC 9053 §4: an initial vector has the one length of its algorithm, and no content key another', () => {
  const sealed = encryptFor([kek(16)], 'A128GCM').info;
  for (const length of [13, 16]) {
    const wrong = changed(sealed, (parts) => (parts[1] = new Map([[5, secretOf(length, 0)]])));
    assert.throws(() => decryptWith(wrong, [kek(16)]), refused('malformed'));
  }
  // A content key of 16 bytes under the label of A256GCM.
  const longer = changed(sealed, (parts) => (parts[0] = encode(new Map([[1, 3]]))));
  assert.throws(() => decryptWith(longer, [kek(16)]), refused('algorithm'));
});

test('firmware-encryption §6.2.4: the key is derived as the document says, with a salt where one is', () => {
  const [own, ephemeral] = [device(), generateSigningKey('P-256')];
  const encryption = encryptFor([kek(16)], 'A128GCM');
  const ciphertext = through(encryption, payload);
  const contentKey = unwrapKey(kek(16).secret, wrappedIn(encryption.info))!;
  const header = encode(new Map([[1, -29]]));
  const nobody = [null, null, null];
  const context = encode([-3, nobody, nobody, [128, header, utf8.encode('SUIT Payload Encryption')]]);
  for (const salt of [undefined, unhex('0102')!]) {
    const options = { salt: salt ?? new Uint8Array(), context, length: 16 };
    const secret = agree(recipientKey(ephemeral).native, own.public.native, options);
    const unprotected = new Map<Item, Item>([[-1, decode(encodeVerificationKey(ephemeral.public))]]);
    if (salt !== undefined) unprotected.set(-20, salt);
    const info = changed(encryption.info, (parts) => {
      parts[3] = [[header, unprotected, wrapKey(secret, contentKey)]];
    });
    assert.deepEqual(through(decryptWith(info, [own]), ciphertext), payload);
    const other = changed(info, (parts) => {
      parts[3] = [[header, new Map([...unprotected, [-20, unhex('03')!]]), wrapKey(secret, contentKey)]];
    });
    assert.throws(() => decryptWith(other, [own]), refused('signature'));
  }
});

/** The bytes in pieces of chance. */
function pieces(bytes: Uint8Array, next: (below: number) => number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = next(3) === 0 ? next(4) : next(200);
    found.push(bytes.subarray(at, at + length));
    at += length;
  }
  return found;
}

/** Numbers that a seed repeats (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
