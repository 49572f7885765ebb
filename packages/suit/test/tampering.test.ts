/** S1-12: nothing in an envelope can be changed unnoticed, and nothing happens before it is noticed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, encode, unhex, write } from '@lapel/cbor';
import { digest, generateSigningKey, macDetached, macKey, readKeyPem, signDetached } from '@lapel/cose';
import type { TrustAnchor, VirtualRecipient } from '@lapel/suit';
import {
  Digest,
  SuitError,
  authenticate,
  digestOf,
  linux,
  readEnvelope,
  virtualRecipient,
  wrap,
  writeEnvelope,
} from '@lapel/suit';
import {
  anchors,
  author,
  compatible,
  fetch,
  forge,
  imageOf,
  match,
  process,
  recipient,
  refusal,
  seal,
  set,
} from './forge.ts';
import { missing, vectorBytes } from './public-vectors.ts';

const payload = new TextEncoder().encode('integrated');

/** Severable install and text, and a payload in the envelope. */
const own = forge({
  shared: [set(imageOf(payload)), ...compatible],
  sections: { install: [set({ uri: '#fw' }), fetch, match], validate: [match] },
  text: { rest: [['en', { updateDescription: 'New light', rest: [] }]] },
  severable: ['install', 'text'],
  payloads: new Map([['#fw', payload]]),
});

/** Where a part of the envelope begins and ends. */
function spanOf(envelope: Uint8Array, part: Uint8Array): readonly [number, number] {
  const start = Buffer.from(envelope).indexOf(part);
  assert.ok(start > 0);
  return [start, start + part.length];
}

interface Attempt {
  readonly trusted: readonly TrustAnchor[];
  readonly device: () => VirtualRecipient;
  /** Bytes whose change image-match notices, and nothing before it. */
  readonly payloadSpan: readonly [number, number];
}

/** Flips each bit in turn; each time the update is refused, and the world is as it was. */
function flipEach(envelope: Uint8Array, { trusted, device, payloadSpan: [from, to] }: Attempt): void {
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const flipped = Uint8Array.from(envelope);
    const at = bit >> 3;
    flipped[at]! ^= 1 << (bit & 7);
    const by = device();
    const where = `bit ${bit & 7} of byte ${at}`;
    assert.throws(
      () => process(flipped, by, 'update', trusted),
      (error: unknown) => {
        assert.ok(error instanceof SuitError, `${where}: ${String(error)}`);
        if (at >= from && at < to) return refusal('run', 'condition-failed', /^install/)(error);
        return true;
      },
      where,
    );
    if (at < from || at >= to) assert.deepEqual(by.trace, [], where);
  }
}

test('S1-12, S3-17: one flipped bit anywhere in an envelope of our own is refused', () => {
  assert.equal(process(own).failure, undefined);
  flipEach(own, { trusted: anchors, device: () => recipient(), payloadSpan: spanOf(own, payload) });
});

test('S1-12: one flipped bit anywhere in example 1 of Appendix B is refused', { skip: missing }, () => {
  const example = vectorBytes('manifest-spec-37', 'example1-signed.suit');
  const key = readKeyPem(new TextDecoder().decode(vectorBytes('manifest-spec-37', 'public_key.pem')));
  if (key.use !== 'verify') throw new Error('expected a public key');
  const device = () =>
    virtualRecipient({
      limits: linux,
      vendor: unhex('fa6b4a53d5ad5fdfbe9de663e4d41ffe')!,
      class: unhex('1492af1425695e48bf429b2d51f2ab45')!,
      components: { '00': new Uint8Array() },
    });
  const unflipped = device();
  assert.throws(() => process(example, unflipped, 'update', [{ key }]), refusal('run', 'operation-failed'));
  assert.deepEqual(unflipped.trace, ['fetch 00']);
  flipEach(example, { trusted: [{ key }], device, payloadSpan: [0, 0] });
});

test('S1-12: an envelope that is cut off at any byte is refused, and so is one with a byte more', () => {
  for (let length = 0; length < own.length; length++) {
    const by = recipient();
    assert.throws(() => process(own.subarray(0, length), by), refusal('parse', 'cbor-parse'), String(length));
    assert.deepEqual(by.trace, []);
  }
  const longer = new Uint8Array(own.length + 1);
  longer.set(own);
  assert.throws(() => process(longer), refusal('parse', 'cbor-parse', /end of input, found 1 more/));
});

test('S1-12, S3-17: a payload of the right name and length is refused where its digest is another', () => {
  const parts = readEnvelope(own, linux);
  const payloads = new Map([['#fw', payload.toReversed()]]);
  assert.throws(
    () => process(writeEnvelope({ ...parts, payloads })),
    refusal('run', 'condition-failed', /^install/),
  );
  const none = writeEnvelope({ ...parts, payloads: new Map() });
  assert.throws(() => process(none), refusal('run', 'operation-failed', /integrated payload "#fw"/));
});

test('X-62, S4-50, §6.2: nothing of a manifest is parsed before its signature stands', () => {
  const stranger = generateSigningKey('P-256');
  const garbage = [new Uint8Array(), Uint8Array.of(0xff), Uint8Array.of(0xa1, 2, 1), encode('no manifest')];
  for (const content of garbage) {
    // Signed by a trusted key it is read, and found to be no manifest.
    assert.throws(
      () => authenticate(seal(content), anchors, linux),
      refusal('parse', 'cbor-parse', /^manifest:/),
    );
    // Signed by a stranger it is not: the refusal is about the signature.
    const strange = seal(content, { key: stranger });
    assert.throws(() => authenticate(strange, anchors, linux), refusal('auth', 'unauthorised', /signature/));
    // Nor where the signature stands for another manifest.
    const moved = writeEnvelope({ ...readEnvelope(own, linux), manifest: wrap(content) });
    assert.throws(
      () => authenticate(moved, anchors, linux),
      refusal('auth', 'unauthorised', /expected the manifest that the digest covers, found another/),
    );
  }
});

test('S4-50, §6.2: of an envelope nothing but its frame is read before the signature stands', () => {
  const stranger = generateSigningKey('P-256');
  // Severed elements and payloads that are no CBOR inside, and a manifest that is none: nobody looks.
  const elements = {
    payloadFetch: wrap(Uint8Array.of(0xff)),
    install: wrap(Uint8Array.of(0xff)),
    text: wrap(Uint8Array.of(0xff)),
  };
  const envelope = seal(Uint8Array.of(0xff), { key: stranger, elements });
  assert.throws(() => authenticate(envelope, anchors, linux), refusal('auth', 'unauthorised', /signature/));
});

test('S4-50: the wrapper precedes the manifest, so a stream can be judged as it arrives', () => {
  const reader = new Reader(own);
  reader.tag();
  reader.map();
  assert.equal(reader.uint(), 2);
  reader.skip();
  assert.equal(reader.uint(), 3);
});

test('§8.3: of several blocks one by a trust anchor is enough; without one the envelope is refused', () => {
  const parts = readEnvelope(own, linux);
  const stranger = generateSigningKey('Ed25519');
  const secret = macKey(new Uint8Array(32).fill(7));
  const strange = signDetached(stranger, parts.digest);
  const mac = macDetached(secret, parts.digest);
  const sealedBy = (...blocks: readonly Uint8Array[]) => writeEnvelope({ ...parts, blocks });
  process(sealedBy(strange, ...parts.blocks));
  process(sealedBy(...parts.blocks, strange));
  process(sealedBy(mac), recipient(), 'update', [{ key: secret }]);
  const { anchors: by } = authenticate(sealedBy(strange, mac), [...anchors, { key: secret }], linux);
  assert.deepEqual(by, [{ key: secret }]);
  assert.throws(() => process(sealedBy(strange)), refusal('auth', 'unauthorised'));
  assert.throws(() => process(sealedBy(mac)), refusal('auth', 'unauthorised'));
  assert.throws(
    () => process(sealedBy()),
    refusal('auth', 'unauthorised', /authentication block, found none/),
  );
  assert.throws(
    () => process(sealedBy(Uint8Array.of(0xff), encode(5))),
    refusal('auth', 'cose-unsupported', /no tag/),
  );
  assert.throws(
    () => process(sealedBy(...Array.from({ length: 9 }, () => strange))),
    (error: unknown) => error instanceof Error && /1 to 9 items, found 10/.test(error.message),
  );
  assert.throws(() => process(own, recipient(), 'update', []), refusal('auth', 'unauthorised'));
});

test('§10: a digest of an unknown algorithm or of another length is refused', () => {
  const parts = readEnvelope(own, linux);
  const bytes = digest('sha-256', parts.manifest);
  for (const [code, value] of [
    [-15, bytes],
    [-16, bytes.subarray(1)],
    [-44, bytes],
    [0, bytes],
  ] as const) {
    const named = write(Digest, [code, value]);
    const envelope = writeEnvelope({ ...parts, digest: named, blocks: [signDetached(author, named)] });
    assert.throws(() => process(envelope), refusal('auth', 'alg-unsupported'), String(code));
  }
  for (const algorithm of ['sha-384', 'sha-512', 'shake128', 'shake256'] as const) {
    const named = write(Digest, digestOf({ algorithm, bytes: digest(algorithm, parts.manifest) }));
    process(writeEnvelope({ ...parts, digest: named, blocks: [signDetached(author, named)] }));
  }
});
