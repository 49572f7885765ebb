/**
 * Firmware that nobody can read on its way (firmware-encryption-24): fetched beside what runs, matched,
 * decrypted into the other slot, matched again, tried.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot, class1Encrypted } from '@lapel/device';
import { seededRandom, servedFromMemory } from '@lapel/simulator';
import type { Careless, EncryptedPlan, EncryptedRelease } from './encrypted.ts';
import { carelessEnvelope, encryptedAs, encryptedRelease, kept, ownPair, shared } from './encrypted.ts';
import { bootsOf, given, liveUntilQuiet, newImage, offers, seenIn } from './life.ts';
import { flashOf, make } from './world.ts';

const [secret, pair] = [shared(), ownPair()];
const made = await make({
  profile: class1Encrypted({ imagePages: 16 }),
  imageBytes: 18_003,
  trust: { decryptionKeys: [kept(secret), kept(pair)] },
});
const { layout } = made.profile;

type Plan = Partial<EncryptedPlan>;
const release = (plan: Plan = {}): Promise<EncryptedRelease> =>
  encryptedRelease({ image: newImage, sequence: 2, author: made.author, keys: [secret], ...plan });

async function update({ envelope, payloads }: EncryptedRelease, flash = flashOf(made), wrongPayloads = 0) {
  const handler = servedFromMemory(payloads, wrongPayloads);
  const lived = await liveUntilQuiet(made, { flash, handler, connect: () => offers(() => given(envelope)) });
  return { ...lived, flash, because: lived.steps.find(([step]) => step === 'failed')?.[1] ?? '' };
}

/** Whether the bytes stand anywhere in the flash, as far as its first 32 tell. */
const isIn = (flash: { dump(): Uint8Array }, bytes: Uint8Array): boolean =>
  Buffer.from(flash.dump()).includes(Buffer.from(bytes.subarray(0, 32)));

const heldIn = (flash: { dump(): Uint8Array }) => seenIn(made, flash).slots.map(({ state }) => state);

for (const [name, plan] of [
  ['by key wrap, A128GCM', {}],
  ['by key wrap, A128CTR', { algorithm: 'A128CTR' }],
  ['by key agreement, ChaCha20/Poly1305', { keys: [pair], algorithm: 'ChaCha20/Poly1305' }],
  ['among others', { keys: [shared(), ownPair(), pair, shared()] }],
] as const satisfies readonly (readonly [string, Plan])[]) {
  test(`S1-13, X-12, X-87, firmware-encryption §4.2: firmware encrypted ${name} is installed`, async () => {
    const lived = await update(await release(plan));
    assert.equal(bootsOf(lived), '0 1t', lived.because);
    assert.equal(seenIn(made, lived.flash).slots[1]?.state, 'confirmed');
    const { address } = layout.slots[1].image;
    assert.deepEqual(lived.flash.read(address, newImage.length), newImage);
  });
}

for (const [name, format] of [
  ['compressed', 'compressed'],
  ['a difference', { precursor: made.image }],
] as const) {
  test(`X-28: what was ${name}, then encrypted, is decrypted, then unpacked`, async () => {
    const part = made.image.subarray(0, 1800);
    const image = Uint8Array.from(Array.from({ length: 9 }, () => [...part, 7]).flat());
    const packed = await release({ image, format });
    assert.ok((packed.payloads[0]?.length ?? 0) < image.length, `${packed.payloads[0]?.length} bytes`);
    const lived = await update(packed);
    assert.equal(bootsOf(lived), '0 1t', lived.because);
    assert.deepEqual(lived.flash.read(layout.slots[1].image.address, image.length), image);
  });
}

test('X-87, firmware-encryption §4.1: what a manifest has encrypted is written decrypted', async () => {
  const image = newImage.subarray(0, 1500);
  const lived = await update(await release({ image, integrated: true }));
  assert.equal(bootsOf(lived), '0 1t', lived.because);
  assert.deepEqual(lived.flash.read(layout.slots[1].image.address, image.length), image);
});

test('S1-13: without its key a device writes nothing of a firmware that it could run', async () => {
  for (const [keys, reason] of [
    [[shared()], /expected a recipient that is known here, found none/],
    [[{ ...shared(), kid: secret.kid! }], /expected a content key that these keys unwrap, found another/],
  ] as const) {
    const lived = await update(await release({ keys }));
    assert.match(lived.because, reason);
    assert.equal(bootsOf(lived), '0');
    assert.equal(seenIn(made, lived.flash).slots[1]?.state, 'empty');
    assert.ok(!isIn(lived.flash, newImage));
  }
});

test('S4-144: a ciphertext of another digest is fetched again, and not decrypted', async () => {
  const whole = await release();
  const again = await update(whole, flashOf(made), 1);
  assert.equal(bootsOf(again), '0 1t', again.because);
  const never = await update(whole, flashOf(made), 99);
  assert.match(never.because, /expected an image with sha-256/);
  assert.equal(bootsOf(never), '0');
  assert.equal(seenIn(made, never.flash).slots[1]?.state, 'empty');
  assert.ok(!isIn(never.flash, newImage));
});

/** A manifest without the digest of its ciphertext, or with one that it does not compare. */
const careless = (image: Uint8Array, payload: Uint8Array, info: Uint8Array, of: Careless = {}) =>
  carelessEnvelope({ image, payload, info, author: made.author, ...of });

test('S1-13, X-12: a plaintext of another digest is not booted, though its tag is right', async () => {
  const { info, content } = encryptedAs(newImage.toReversed(), secret);
  const lived = await update({ envelope: careless(newImage, content, info), payloads: [content] });
  assert.match(lived.because, /expected an image with sha-256/);
  assert.equal(bootsOf(lived), '0');
  assert.deepEqual(heldIn(lived.flash), ['confirmed', 'unusable', 'unusable']);
});

test('S1-13, X-12: a content whose tag is another is not booted, and not gone on with', async () => {
  const { info, content } = encryptedAs(newImage, secret);
  const flipped = content.with(20_000, (content[20_000] ?? 0) ^ 1);
  const lived = await update({ envelope: careless(newImage, flipped, info), payloads: [flipped] });
  assert.match(lived.because, /encryption-info: expected the tag of this content, found another/);
  assert.equal(bootsOf(lived), '0');
  assert.deepEqual(heldIn(lived.flash), ['confirmed', 'unusable', 'unusable']);
});

test('S4-144, X-87: nothing is decrypted whose digest was given and not compared', async () => {
  const { info, content } = encryptedAs(newImage, secret);
  for (const [of, reason] of [
    [{ isDigestGiven: true }, /expected an image match of the ciphertext before it is decrypted, found none/],
    [{ isPlaintextKnown: false }, /expected a digest of what is to be decrypted, found none/],
  ] as const) {
    const lived = await update({ envelope: careless(newImage, content, info, of), payloads: [content] });
    assert.match(lived.because, reason);
    assert.deepEqual(heldIn(lived.flash), ['confirmed', 'empty', 'unusable']);
    assert.ok(!isIn(lived.flash, newImage));
  }
});

test('S1-13, S0-12: an encrypted firmware fits the working memory of a Class 1 device', async () => {
  const keys = [...Array.from({ length: 19 }, shared), secret];
  const lived = await update(await release({ format: 'compressed', keys }));
  const told = lived.steps.find(([step]) => step === 'image-verified')?.[1] ?? lived.because;
  const peak = Number(/in (\d+) bytes/.exec(told)?.[1] ?? NaN);
  assert.ok(peak <= made.profile.ramBytes, told);
});

test('S4-43, S1-13: after an update and a next one, staged ciphertexts are in nobody’s way', async () => {
  const first = await update(await release());
  const image = seededRandom(5).bytes(20_001);
  const second = await update(await release({ image, sequence: 3 }), first.flash);
  assert.equal(bootsOf(second), '1 0t', second.because);
  assert.equal(seenIn(made, second.flash).floor, 3);
  const decision = boot(second.flash, made.profile);
  assert.ok(decision.boot === 'slot' && decision.running.length === 1);
});
