/** The six profiles of suit-mti, each as a whole: digest, authentication, key exchange, encryption. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Item, Tagged } from '@lapel/cbor';
import { decode, encode } from '@lapel/cbor';
import type { ContentAlgorithm, KeyKind, RecipientKey, RecipientPublicKey, WrappingKey } from '@lapel/cose';
import {
  CoseError,
  beginLedger,
  decryptWith,
  digest,
  encryptFor,
  generateHssSecret,
  generateSigningKey,
  hssSigningKey,
  macDetached,
  macKey,
  openLedger,
  recipientKey,
  signDetached,
  verifyMac0,
  verifySign1,
  wrappingKey,
} from '@lapel/cose';
import { createDisk } from './leaf-disk.ts';

/** How a manifest's digest is sealed, and the same seal checked. */
interface Seal {
  readonly seal: (payload: Uint8Array) => Uint8Array;
  readonly check: (sealed: Uint8Array, payload: Uint8Array) => void;
}

/** For whom a payload is encrypted, and how that device decrypts. */
interface Exchange {
  readonly recipient: WrappingKey | RecipientPublicKey;
  readonly key: WrappingKey | RecipientKey;
}

interface Profile {
  readonly name: string;
  /** As the registry of profiles writes it. */
  readonly descriptor: readonly [digest: number, seal: number, exchange: number, content: number];
  readonly seal: () => Seal;
  readonly exchange: () => Exchange;
  readonly content: ContentAlgorithm;
}

const profiles: readonly Profile[] = [
  {
    name: 'suit-sha256-hmac-a128kw-a128ctr',
    descriptor: [-16, 5, -3, -65534],
    seal: shared,
    exchange: () => wrapping(16),
    content: 'A128CTR',
  },
  {
    name: 'suit-sha256-esp256-ecdh-a128ctr',
    descriptor: [-16, -9, -29, -65534],
    seal: () => signed('P-256'),
    exchange: agreeing,
    content: 'A128CTR',
  },
  {
    name: 'suit-sha256-ed25519-ecdh-a128ctr',
    descriptor: [-16, -19, -29, -65534],
    seal: () => signed('Ed25519'),
    exchange: agreeing,
    content: 'A128CTR',
  },
  {
    name: 'suit-sha256-esp256-ecdh-a128gcm',
    descriptor: [-16, -9, -29, 1],
    seal: () => signed('P-256'),
    exchange: agreeing,
    content: 'A128GCM',
  },
  {
    name: 'suit-sha256-ed25519-ecdh-chacha-poly',
    descriptor: [-16, -19, -29, 24],
    seal: () => signed('Ed25519'),
    exchange: agreeing,
    content: 'ChaCha20/Poly1305',
  },
  {
    name: 'suit-sha256-hsslms-a256kw-a256ctr',
    descriptor: [-16, -46, -5, -65532],
    seal: hashBased,
    exchange: () => wrapping(32),
    content: 'A256CTR',
  },
];

for (const { name, descriptor, seal: makeSeal, exchange: makeExchange, content } of profiles) {
  test(`S4-37, S4-38, suit-mti §3: ${name} seals and checks, encrypts and decrypts`, () => {
    const firmware = new TextEncoder().encode('firmware for a lamp '.repeat(100));
    const { recipient, key } = makeExchange();
    const encryption = encryptFor([recipient], content);
    const ciphertext = Uint8Array.of(...encryption.update(firmware), ...encryption.finish());
    const payload = encode([-16, digest('sha-256', ciphertext)]);
    const { seal, check } = makeSeal();
    const sealed = seal(payload);

    check(sealed, payload);
    assert.throws(() => check(sealed, encode([-16, digest('sha-256', firmware)])), CoseError);
    const decryption = decryptWith(encryption.info, [key]);
    assert.deepEqual(Uint8Array.of(...decryption.update(ciphertext), ...decryption.finish()), firmware);
    assert.deepEqual([-16, sealLabel(sealed), ...exchangeLabels(encryption.info)], descriptor);
  });
}

/** A shared secret needs no recipient of its own: COSE_Mac0 is the message of the symmetric profile. */
function shared(): Seal {
  const key = macKey(new Uint8Array(32).fill(1));
  return {
    seal: (payload) => macDetached(key, payload),
    check: (sealed, payload) => void verifyMac0(sealed, payload, [key]),
  };
}

function signed(kind: KeyKind): Seal {
  const key = generateSigningKey(kind);
  return {
    seal: (payload) => signDetached(key, payload),
    check: (sealed, payload) => void verifySign1(sealed, payload, [key.public]),
  };
}

function hashBased(): Seal {
  const { store, mark } = createDisk().access(() => undefined);
  const secret = generateHssSecret([{ height: 5, digitBits: 8, hashBytes: 32 }]);
  const key = hssSigningKey(secret, (kid) => {
    beginLedger(store, kid);
    return openLedger(store, kid, mark);
  });
  return {
    seal: (payload) => signDetached(key, payload),
    check: (sealed, payload) => void verifySign1(sealed, payload, [key.public]),
  };
}

function wrapping(length: number): Exchange {
  const key = wrappingKey(new Uint8Array(length).fill(2), new TextEncoder().encode('lamp'));
  return { recipient: key, key };
}

function agreeing(): Exchange {
  const key = recipientKey(generateSigningKey('P-256'));
  return { recipient: key.public, key };
}

const contentOf = (cbor: Uint8Array) => (decode(cbor) as Tagged).content as readonly Item[];
type Header = ReadonlyMap<Item, Item>;

/** The algorithm of a header: protected, or where there is no protection. */
const labelOf = (body: Item, unprotected: Item): Item | undefined =>
  body instanceof Uint8Array && body.length > 0
    ? (decode(body) as Header).get(1)
    : (unprotected as Header).get(1);

function sealLabel(sealed: Uint8Array): Item | undefined {
  const [body, unprotected] = contentOf(sealed);
  return labelOf(body, unprotected);
}

function exchangeLabels(info: Uint8Array): readonly (Item | undefined)[] {
  const [body, unprotected, , recipients] = contentOf(info);
  const [[recipientBody, recipientUnprotected]] = recipients as readonly [readonly Item[]];
  return [labelOf(recipientBody, recipientUnprotected), labelOf(body, unprotected)];
}
