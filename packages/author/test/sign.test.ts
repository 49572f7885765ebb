import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '@lapel/cbor';
import type { KeyKind } from '@lapel/cose';
import { generateSigningKey, keyKinds } from '@lapel/cose';
import { SuitError, readEnvelope, server, wrap, writeEnvelope } from '@lapel/suit';
import {
  AlreadySigned,
  buildEnvelope,
  outlineEnvelope,
  parseDescription,
  signEnvelope,
  verifyEnvelope,
} from '@lapel/author';
import { imageOf, memoryImages } from './memory-images.ts';

const description = parseDescription(`
sequence: 3
vendor: lapel.example
class: lamp
component: main
image: lamp.bin
version: 1.2.0
severable: [text, install]
`);
const images = memoryImages({ 'lamp.bin': imageOf('a lamp') });
const envelope = await buildEnvelope(description, { images, clock: { wallMs: () => 0 } });
const unsigned = writeEnvelope(envelope);
const refused = (stage: string) => (error: unknown) => error instanceof SuitError && error.stage === stage;

for (const kind of Object.keys(keyKinds) as readonly KeyKind[]) {
  test(`§8.3, S0-08: a signature by a key of ${kind} stands, and the manifest stays as it was`, () => {
    const key = generateSigningKey(kind);
    const signed = signEnvelope(unsigned, key);
    assert.equal(verifyEnvelope(signed, [{ key: key.public }]).summary.sequenceNumber, 3);
    const { blocks, ...rest } = readEnvelope(signed, server);
    assert.equal(blocks.length, 1);
    assert.deepEqual({ ...rest, blocks: [] }, readEnvelope(unsigned, server));
  });
}

test('§8.3: blocks of several signers stand side by side over one digest', () => {
  const [first, second, stranger] = [1, 2, 3].map(() => generateSigningKey('P-256'));
  assert.ok(first !== undefined && second !== undefined && stranger !== undefined);
  const signed = signEnvelope(signEnvelope(unsigned, first), second);
  for (const key of [first, second]) {
    assert.equal(verifyEnvelope(signed, [{ key: key.public }]).authentic.anchors[0].key, key.public);
  }
  assert.throws(() => verifyEnvelope(signed, [{ key: stranger.public }]), refused('auth'));
});

test('§8.3: a second block of the same key is refused', () => {
  const key = generateSigningKey('P-256');
  const signed = signEnvelope(unsigned, key);
  assert.throws(() => signEnvelope(signed, key), AlreadySigned);
  assert.throws(() => signEnvelope(signEnvelope(signed, generateSigningKey('Ed25519')), key), AlreadySigned);
});

test('X-20, §8.3: an envelope whose digest is another manifest’s is not signed', async () => {
  const other = await buildEnvelope({ ...description, sequence: 4 }, { images, clock: { wallMs: () => 0 } });
  const swapped = writeEnvelope({ ...envelope, manifest: other.manifest });
  assert.throws(() => signEnvelope(swapped, generateSigningKey('P-256')), refused('auth'));
});

test('X-20, §8.6: severed elements that are not the manifest’s own are not signed', () => {
  const swapped = { ...envelope, severed: { ...envelope.severed, text: wrap(Uint8Array.of(0xa0)) } };
  assert.throws(() => signEnvelope(writeEnvelope(swapped), generateSigningKey('P-256')), refused('auth'));
  const stray = { ...envelope, severed: { ...envelope.severed, payloadFetch: wrap(Uint8Array.of(0x80)) } };
  assert.throws(() => signEnvelope(writeEnvelope(stray), generateSigningKey('P-256')), refused('setup'));
});

test('S0-08: no envelope with a bit flipped is signed as if nothing were', () => {
  const key = generateSigningKey('Ed25519');
  for (let bit = 0; bit < unsigned.length * 8; bit++) {
    const flipped = Uint8Array.from(unsigned);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => signEnvelope(flipped, key), SuitError, `bit ${bit}`);
  }
});

test('S3-14: an outline names the payloads that must be published first', () => {
  const { payloads, digest } = outlineEnvelope(unsigned);
  assert.equal(payloads.length, 1);
  assert.equal(payloads[0]?.sizeBytes, 6);
  assert.equal(
    hex(digest.bytes),
    hex(outlineEnvelope(signEnvelope(unsigned, generateSigningKey('P-256'))).digest.bytes),
  );
});
