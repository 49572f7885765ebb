/** draft-ietf-suit-firmware-encryption-24: what is written and copied is decrypted, and what is not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContentAlgorithm, RecipientPublicKey, WrappingKey } from '@lapel/cose';
import {
  contentAlgorithms,
  encryptFor,
  generateSigningKey,
  joined,
  recipientKey,
  wrappingKey,
} from '@lapel/cose';
import type { Command, DecryptionKey, Parameters } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import {
  at,
  attempt,
  component,
  copy,
  fetch,
  forge,
  imageOf,
  match,
  perform,
  process,
  recipient,
  refusal,
  set,
} from '../forge.ts';

const firmware = new TextEncoder().encode('the firmware that nobody else may read');
const uri = 'http://example.com/encrypted';
const [plain, staged] = [component(0), component(1)];
const write = perform('directive-write');
const algorithms = Object.keys(contentAlgorithms) as ContentAlgorithm[];

const kek = (fill: number, name = `lamp-${fill}`): WrappingKey =>
  wrappingKey(new Uint8Array(16).fill(fill), new TextEncoder().encode(name));

/** As an author makes it: what travels, and what the manifest says of it. */
function encrypted(
  algorithm: ContentAlgorithm,
  content = firmware,
  to: readonly (WrappingKey | RecipientPublicKey)[] = [kek(1)],
) {
  const { info, ...running } = encryptFor(to, algorithm);
  const first = running.update(content);
  return { encryptionInfo: info, ciphertext: joined(first, running.finish()) };
}

const device = (ciphertext: Uint8Array, ...decryptionKeys: readonly DecryptionKey[]) =>
  recipient({ decryptionKeys, payloads: new Map([[uri, ciphertext]]) });

const held = ({ components }: ReturnType<typeof device>, of = plain) => components.get(componentName(of));

/** §4.2: fetched to the second component, and copied to the first. */
const fetchedAndCopied = (
  encryptionInfo: Uint8Array,
  ofPlaintext: Parameters,
  ofCiphertext: Parameters = {},
  ...checks: readonly Command[]
): Uint8Array =>
  forge({
    components: [plain, staged],
    sections: {
      payloadFetch: [at(1), set({ uri, ...ofCiphertext }), fetch, ...checks],
      install: [
        at(0),
        set({ encryptionInfo, sourceComponent: 1, ...ofPlaintext }),
        copy,
        ...(ofPlaintext.imageDigest === undefined ? [] : [match]),
      ],
    },
  });

const written = (content: Uint8Array, encryptionInfo: Uint8Array, ofPlaintext: Parameters = {}) =>
  forge({ sections: { install: [set({ content, encryptionInfo, ...ofPlaintext }), write] } });

for (const algorithm of algorithms) {
  test(`X-87, firmware-encryption §4.1, §4.2: ${algorithm}: write and copy decrypt`, () => {
    const own = recipientKey(generateSigningKey('P-256'));
    for (const [to, key] of [
      [kek(1), kek(1)],
      [own.public, own],
    ] as const) {
      const { encryptionInfo, ciphertext } = encrypted(algorithm, firmware, [to, kek(9)]);
      const one = device(ciphertext, key);
      process(written(ciphertext, encryptionInfo, imageOf(firmware)), one);
      assert.deepEqual(held(one), firmware);
      const other = device(ciphertext, key);
      const envelope = fetchedAndCopied(encryptionInfo, imageOf(firmware), imageOf(ciphertext), match);
      process(envelope, other);
      assert.deepEqual(held(other), firmware);
      assert.deepEqual(held(other, staged), ciphertext);
    }
  });
}

test('X-87, firmware-encryption §4: what is fetched stays as it comes, integrated or not', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128GCM');
  const payloads = new Map([['#payload', ciphertext]]);
  for (const from of [uri, '#payload']) {
    const lamp = device(ciphertext, kek(1));
    process(forge({ sections: { install: [set({ uri: from, encryptionInfo }), fetch] }, payloads }), lamp);
    assert.deepEqual(held(lamp), ciphertext);
  }
});

test('X-87, firmware-encryption §4.3, §8: without a tag and without a digest nothing is decrypted', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128CTR');
  const refused = refusal('run', 'parameter-unsupported', /digest of plaintext or ciphertext beside A128CTR/);
  for (const envelope of [written(ciphertext, encryptionInfo), fetchedAndCopied(encryptionInfo, {})]) {
    const lamp = device(ciphertext, kek(1));
    const before = held(lamp);
    assert.throws(() => process(envelope, lamp), refused);
    assert.equal(held(lamp), before);
  }
  const ofCiphertext = device(ciphertext, kek(1));
  process(fetchedAndCopied(encryptionInfo, {}, imageOf(ciphertext), match), ofCiphertext);
  assert.deepEqual(held(ofCiphertext), firmware);
});

test('S4-144: a ciphertext with a digest is matched before it is decrypted', () => {
  for (const algorithm of ['A128GCM', 'A128CTR'] as const) {
    const { encryptionInfo, ciphertext } = encrypted(algorithm);
    const lamp = device(ciphertext, kek(1));
    const envelope = fetchedAndCopied(encryptionInfo, imageOf(firmware), imageOf(ciphertext));
    assert.throws(() => process(envelope, lamp), refusal('run', 'operation-failed', /image match of/));
    assert.deepEqual(lamp.trace, ['fetch 01']);
  }
});

test('S4-144: a ciphertext of another digest is not decrypted, whoever could make its tag', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128GCM');
  const envelope = fetchedAndCopied(encryptionInfo, imageOf(firmware), imageOf(ciphertext), match);
  const lamp = device(encrypted('A128GCM').ciphertext, kek(1));
  assert.throws(() => process(envelope, lamp), refusal('run', 'condition-failed'));
  assert.deepEqual(lamp.trace, ['fetch 01']);
});

test('S1-13: a plaintext that is another is refused, though its tag is a recipient’s own work', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128GCM', firmware.toReversed());
  const lamp = device(ciphertext, kek(1));
  const { failure, verified } = attempt(fetchedAndCopied(encryptionInfo, imageOf(firmware)), lamp);
  assert.equal(failure?.error.reason, 'condition-failed');
  assert.deepEqual(verified, []);
});

test('S1-13, S4-39: nothing is stored with a wrong key, without a key, or with a forged tag', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128GCM');
  const forged = ciphertext.with(0, (ciphertext[0] ?? 0) ^ 1);
  for (const [content, keys, reason] of [
    [ciphertext, [], 'unauthorised'],
    [ciphertext, [kek(2)], 'unauthorised'],
    [ciphertext, [kek(2, 'lamp-1')], 'operation-failed'],
    [forged, [kek(1)], 'operation-failed'],
    [ciphertext.subarray(0, 12), [kek(1)], 'operation-failed'],
  ] as const) {
    for (const envelope of [
      written(content, encryptionInfo, imageOf(firmware)),
      fetchedAndCopied(encryptionInfo, imageOf(firmware)),
    ]) {
      const lamp = device(content, ...keys);
      const before = held(lamp);
      assert.throws(() => process(envelope, lamp), refusal('run', reason, /^encryption-info: /));
      assert.equal(held(lamp), before);
    }
  }
});

test('X-87: an encryption-info that is none is refused before anybody acts on it', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128CTR');
  for (const [info, reason] of [
    [Uint8Array.of(0xf6), 'cose-unsupported'],
    [encryptionInfo.subarray(0, 20), 'cose-unsupported'],
    [encrypted('A128GCM').encryptionInfo.with(6, 0x0b), 'alg-unsupported'],
  ] as const) {
    const lamp = device(ciphertext, kek(1));
    const envelope = written(ciphertext, info, imageOf(firmware));
    assert.throws(() => process(envelope, lamp), refusal('run', reason));
    assert.deepEqual(lamp.trace, []);
  }
});

test('suit-report §4: a record of a write and of a copy tells the encryption-info that it consumed', () => {
  const { encryptionInfo, ciphertext } = encrypted('A128GCM');
  const told = (install: readonly Command[]) =>
    attempt(
      forge({ components: [plain, staged], sections: { install } }),
      device(ciphertext, kek(1)),
    ).records.at(-1)?.properties;
  const parameters = { encryptionInfo, content: ciphertext, sourceComponent: 1, uri };
  const [writing, copying, fetching] = (['write', 'copy', 'fetch'] as const).map((name) =>
    told([at(1), set({ uri }), fetch, at(0), set(parameters), perform(`directive-${name}`, 1)]),
  );
  assert.deepEqual(writing, { content: ciphertext, encryptionInfo });
  assert.deepEqual(copying, { sourceComponent: 1, encryptionInfo });
  assert.deepEqual(fetching, { uri });
});
