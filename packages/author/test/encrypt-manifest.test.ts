/** A manifest that is encrypted on its way: who carries it learns nothing, who can't read it does nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentAlgorithm, SigningKey, WrappingKey } from '@lapel/cose';
import {
  decodeDecryptionKey,
  encodeSigningKey,
  encodeWrappingKey,
  generateSigningKey,
  generateWrappingKey,
} from '@lapel/cose';
import type { DecryptionKey, Procedure, VirtualRecipientOptions } from '@lapel/suit';
import { SuitError, writeEnvelope } from '@lapel/suit';
import type { HiddenManifest } from '@lapel/author';
import { buildEnvelope, hideManifest, parseDescription, signEnvelope } from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';
import { author as carrier, deviceWith, nameOf, otherAuthor as author, runOn } from './virtual-device.ts';

const image = imageOf('the image of a lamp');
const uri = 'http://example.com/hidden';
const payloadUri = 'http://example.com/images/secret-project';
const text = `sequence: 7
vendor: lapel.example
class: lamp
component: main
image: lamp.bin
bootable: true
uri: ${payloadUri}
description: For nobody else
`;

async function secret(description = text): Promise<Uint8Array> {
  const world = {
    images: memoryImages({ 'lamp.bin': image }),
    clock: { wallMs: () => 0 },
    keep: async () => undefined,
  };
  return signEnvelope(writeEnvelope(await buildEnvelope(parseDescription(description), world)), author);
}

type Key = WrappingKey | SigningKey;
const encoded = (key: Key) => (key.use === 'wrap' ? encodeWrappingKey(key) : encodeSigningKey(key));
const own = (key: Key): DecryptionKey => decodeDecryptionKey(encoded(key));
const place = [imageOf('hidden')];

async function hide(
  signed: Uint8Array,
  key: Key,
  { algorithm = 'A128GCM', at }: { readonly algorithm?: ContentAlgorithm; readonly at?: string } = {},
): Promise<HiddenManifest & { readonly open: Uint8Array }> {
  const description = {
    encryption: { algorithm, recipients: ['key'] },
    place,
    ...(at === undefined ? {} : { uri: at }),
  };
  const hidden = await hideManifest(signed, description, memoryImages({ key: encoded(key) }));
  return { ...hidden, open: signEnvelope(writeEnvelope(hidden.envelope), carrier) };
}

const [held, main] = [nameOf('hidden'), nameOf('main')];

function device(
  payload: Uint8Array,
  keys: readonly DecryptionKey[],
  more: Partial<VirtualRecipientOptions> = {},
) {
  const components = { hidden: new Uint8Array(), main: new Uint8Array() };
  return deviceWith(components, {
    decryptionKeys: keys,
    payloads: new Map([
      [uri, payload],
      [payloadUri, image],
    ]),
    ...more,
  });
}

function failureOf(open: Uint8Array, by: ReturnType<typeof device>, procedure: Procedure = 'update') {
  return runOn(by, { envelope: open }, procedure).failure?.error;
}

const keys: readonly (readonly [string, Key])[] = [
  ['a key that wraps', generateWrappingKey('A128KW')],
  ['a key pair', generateSigningKey('P-256')],
];
const algorithms = ['A128GCM', 'A128CTR', 'ChaCha20/Poly1305'] as const;

for (const [name, key] of keys) {
  for (const algorithm of algorithms) {
    for (const at of [uri, undefined]) {
      const where = at === undefined ? 'carried' : 'fetched';
      test(`X-14, trust-domains §8.2: hidden by ${name} and ${algorithm}, ${where}`, async () => {
        const { open, ciphertext } = await hide(
          await secret(),
          key,
          at === undefined ? { algorithm } : { algorithm, at },
        );
        const by = device(ciphertext, [own(key)]);
        assert.equal(failureOf(open, by), undefined);
        assert.deepEqual(by.components.get(main), image);
        // What is kept is the envelope: a start needs no key.
        assert.deepEqual(by.components.get(held), await secret());
        const later = device(ciphertext, [], { components: Object.fromEntries(by.components) });
        assert.equal(failureOf(open, later, 'invocation'), undefined);
        assert.deepEqual(later.trace, [`invoke ${main}`]);
      });
    }
  }
}

test('X-52: who listens learns neither what is installed, nor from where, nor what it is', async () => {
  const [, key] = keys[0]!;
  const signed = await secret();
  const { open, ciphertext } = await hide(signed, key, { at: uri });
  const carried = await hide(signed, key);
  const heard = [open, ciphertext, carried.open].map((bytes) => Buffer.from(bytes));
  for (const word of [payloadUri, 'secret-project', 'For nobody else', 'main']) {
    assert.ok(Buffer.from(signed).includes(word), word);
    for (const bytes of heard) assert.ok(!bytes.includes(word), word);
  }
  // What is in the open names it by its digest; the rest is in no stretch of what is served.
  const stretches = Array.from({ length: signed.length >> 4 }, (_, index) =>
    signed.slice(16 * index, 16 * index + 16),
  );
  const known = stretches.filter((each) => Buffer.from(ciphertext).includes(Buffer.from(each)));
  assert.deepEqual(known, []);
});

test('X-14: without its key, or with another, nothing of a hidden manifest is stored or run', async () => {
  const [, key] = keys[0]!;
  const { open, ciphertext } = await hide(await secret(), key, { at: uri });
  for (const others of [[], [own(generateWrappingKey('A128KW'))], [own(generateSigningKey('P-256'))]]) {
    const by = device(ciphertext, others);
    const failure = failureOf(open, by);
    assert.equal(failure?.stage, 'run');
    assert.match(failure?.message ?? '', /^encryption-info: expected/);
    assert.deepEqual(
      [...by.components.values()].map(({ length }) => length),
      [0, 0],
    );
  }
});

test('X-14: a ciphertext with a bit changed is refused, and so is another manifest', async () => {
  const [, key] = keys[1]!;
  for (const algorithm of algorithms) {
    const { open, ciphertext } = await hide(await secret(), key, { algorithm, at: uri });
    for (let bit = 0; bit < ciphertext.length * 8; bit += 61) {
      const changed = ciphertext.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const by = device(changed, [own(key)]);
      assert.ok(failureOf(open, by) instanceof SuitError, `${algorithm}, bit ${bit}`);
      assert.equal(by.components.get(main)?.length, 0);
    }
  }
  const signed = await secret();
  const { open } = await hide(signed, key, { at: uri });
  // Whoever may encrypt for the device still needs the author, and the manifest that was named.
  const other = await hide(await secret(text.replace('7', '8')), key, { at: uri });
  assert.ok(failureOf(open, device(other.ciphertext, [own(key)])) instanceof SuitError);
  const strange = [{ key: carrier.public }];
  const by = device((await hide(signed, key, { at: uri })).ciphertext, [own(key)], { anchors: strange });
  assert.ok(failureOf(open, by) instanceof SuitError);
});
