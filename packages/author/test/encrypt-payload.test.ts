/** Descriptions with `encryptFor`: what is made of them, and who can read it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SigningKey, WrappingKey } from '@lapel/cose';
import {
  decodeDecryptionKey,
  digest,
  encodeSigningKey,
  encodeWrappingKey,
  generateSigningKey,
  generateWrappingKey,
  keyToPem,
} from '@lapel/cose';
import type { DecryptionKey } from '@lapel/suit';
import { admit, authenticate, driveSync, linux, run, virtualRecipient, writeEnvelope } from '@lapel/suit';
import type { FormattedPayload } from '@lapel/author';
import {
  ImageError,
  buildEnvelope,
  inspectEnvelope,
  inspectionText,
  parseDescription,
  publishedUri,
  signEnvelope,
} from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';

const author = generateSigningKey('Ed25519');
const image = imageOf('an image that not everybody is to read '.repeat(50));
const head =
  'sequence: 1\nvendor: lapel.example\nclass: lamp\ncomponent: main\nimage: lamp.bin\nbootable: true\n';
const staged = `${head}staging: download\n`;

type Key = WrappingKey | SigningKey;
const encoded = (key: Key) => (key.use === 'wrap' ? encodeWrappingKey(key) : encodeSigningKey(key));
const asRecipient = (key: Key): DecryptionKey => decodeDecryptionKey(encoded(key));

interface Made {
  readonly envelope: Uint8Array;
  readonly payloads: readonly FormattedPayload[];
}

async function make(text: string, files: Readonly<Record<string, Uint8Array>>): Promise<Made> {
  const payloads: FormattedPayload[] = [];
  const envelope = await buildEnvelope(parseDescription(text), {
    images: memoryImages({ 'lamp.bin': image, ...files }),
    clock: { wallMs: () => 0 },
    keep: async (payload) => void payloads.push(payload),
  });
  return { envelope: signEnvelope(writeEnvelope(envelope), author), payloads };
}

/** For these keys, in files of their own. */
function makeFor(keys: readonly Key[], text = staged): Promise<Made> {
  const names = keys.map((_, index) => `k${index}`);
  const files = Object.fromEntries(keys.map((key, index) => [`k${index}`, encoded(key)]));
  return make(`${text}encryptFor: [${names.join(', ')}]\n`, files);
}

/** What a device with this key has in the end, or why not. */
function installed({ envelope, payloads }: Made, key: DecryptionKey): Uint8Array | string {
  const authentic = authenticate(envelope, [{ key: author.public }], linux);
  const { vendorIdentifier, classIdentifier } = parseDescription(head);
  const device = virtualRecipient({
    limits: linux,
    vendor: vendorIdentifier,
    class: classIdentifier,
    components: { [hexOf('main')]: new Uint8Array(), [hexOf('download')]: new Uint8Array() },
    payloads: new Map(payloads.map((each) => [publishedUri(each.digest), each.content])),
    decryptionKeys: [key],
  });
  const { failure } = driveSync(run(admit(authentic, device), 'update'), device.perform);
  return failure?.error.message ?? device.components.get(hexOf('main')) ?? new Uint8Array();
}

const hexOf = (text: string) => Buffer.from(text).toString('hex');

test('S4-39: a hundred devices share a ciphertext; leaving one out takes it from that one', async () => {
  const devices = Array.from({ length: 100 }, () => generateWrappingKey('A128KW'));
  const all = await makeFor(devices);
  assert.equal(all.payloads.length, 1);
  for (const each of devices) assert.deepEqual(installed(all, each), image);
  for (const left of [0, 41, 99]) {
    const without = await makeFor(devices.toSpliced(left, 1));
    for (const [index, each] of devices.entries()) {
      const found = installed(without, each);
      if (index === left) assert.match(String(found), /expected a recipient that is known here, found none/);
      else assert.deepEqual(found, image);
    }
  }
});

test('S4-39: for each device more, an envelope has at most 60 bytes more, by key wrap 42', async () => {
  const devices = Array.from({ length: 101 }, () => generateWrappingKey('A128KW'));
  const [one, most] = [await makeFor(devices.slice(0, 1)), await makeFor(devices)];
  const perDevice = (most.envelope.length - one.envelope.length) / 100;
  assert.ok(perDevice <= 42, `${perDevice} bytes`);
  const wide = Array.from({ length: 101 }, () => generateWrappingKey('A256KW'));
  const text = `${staged}encryption: A256GCM\n`;
  const [wideOne, wideMost] = [await makeFor(wide.slice(0, 1), text), await makeFor(wide, text)];
  assert.ok((wideMost.envelope.length - wideOne.envelope.length) / 100 <= 60);
});

test('S4-87: a recipient is named by a secret, a public key in PEM, or a pair in CBOR', async () => {
  const [secret, pair] = [generateWrappingKey('A256KW'), generateSigningKey('P-256')];
  const made = await make(`${staged}encryptFor: [a.key, b.pub.pem, c.key]\n`, {
    'a.key': encodeWrappingKey(secret),
    'b.pub.pem': imageOf(keyToPem(pair.public)),
    'c.key': encodeSigningKey(generateSigningKey('P-256')),
  });
  for (const key of [secret, pair]) assert.deepEqual(installed(made, asRecipient(key)), image);
});

test('S4-87: a key that nobody can encrypt for is refused by its file', async () => {
  for (const [content, message] of [
    [imageOf(keyToPem(generateSigningKey('Ed25519').public)), /^lamp\.key: .*P-256 for key agreement/],
    [imageOf('no key at all'), /^lamp\.key: COSE_Key/],
  ] as const) {
    const refused = (error: unknown) => error instanceof ImageError && message.test(error.message);
    await assert.rejects(make(`${staged}encryptFor: [lamp.key]\n`, { 'lamp.key': content }), refused);
  }
  await assert.rejects(make(`${staged}encryptFor: [lamp.key]\n`, {}), ImageError);
});

test('X-50: what is published is the ciphertext, and no image', async () => {
  const key = generateWrappingKey('A128KW');
  const { envelope, payloads } = await makeFor([key]);
  const [payload] = payloads;
  assert.equal(payload?.name, 'lamp.bin.encrypted');
  assert.equal(payload.content.length, image.length + 16);
  assert.deepEqual(payload.digest, digest('sha-256', payload.content));
  for (const bytes of [envelope, payload.content]) {
    assert.ok(!Buffer.from(bytes).includes(Buffer.from(image.subarray(0, 16))));
  }
});

test('X-28: what is compressed is compressed first, and named for it', async () => {
  const { payloads } = await makeFor([generateWrappingKey('A128KW')], `${staged}compress: true\n`);
  assert.equal(payloads[0]?.name, 'lamp.bin.compressed.encrypted');
  assert.ok(payloads[0].content.length < image.length / 4);
});

test('firmware-encryption §4.1: an integrated payload stands encrypted in the manifest', async () => {
  const key = generateWrappingKey('A128KW');
  const made = await makeFor([key], `${head}integrated: true\nencryption: A128CTR\n`);
  assert.equal(made.payloads.length, 0);
  assert.deepEqual(installed(made, key), image);
});

test('S0-04: an inspection names how a payload is encrypted, and for whom', async () => {
  const { envelope } = await makeFor([generateWrappingKey('A128KW'), generateSigningKey('P-256')]);
  const text = inspectionText(inspectEnvelope(envelope));
  assert.match(text, /encryption-info \(19\) {2}COSE_Encrypt, A128GCM \(1\), 2 recipients\n/);
  assert.match(text, /alg \(1\) {2}A128KW \(-3\)\n/);
  assert.match(text, /alg \(1\) {2}ECDH-ES\+A128KW \(-29\)\n/);
  assert.doesNotMatch(text, /unknown/);
});
