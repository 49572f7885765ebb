/** draft-ietf-suit-mud-09: the manifest says what the device does on the network. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { write } from '@lapel/cbor';
import { generateSigningKey } from '@lapel/cose';
import type { UsageDescription } from '@lapel/suit';
import { Manifest, authenticate, isUsageSigner, linux, summarise } from '@lapel/suit';
import { anchors, manifestOf, match, process, refusal, seal } from './forge.ts';

const signer = generateSigningKey('P-256');
const description: UsageDescription = {
  url: 'https://mud.example/lamp.json',
  signer: [-16, signer.kid],
};

const { manifest } = manifestOf({ sections: { validate: [match] } });
const describing = (usageDescription: UsageDescription) =>
  authenticate(seal(write(Manifest, { ...manifest, usageDescription })), anchors, linux);

test('X-91: a usage description is carried, and its signer is known by the thumbprint of its key', () => {
  const found = summarise(describing(description), linux).usageDescription;
  assert.deepEqual(found, description);
  assert.ok(isUsageSigner(description, signer.public));
  assert.ok(!isUsageSigner(description, generateSigningKey('P-256').public));
  assert.ok(!isUsageSigner({ ...description, signer: [-44, new Uint8Array(64)] }, signer.public));
});

test('X-91: a device updates without a look at it', () => {
  const envelope = seal(write(Manifest, { ...manifest, usageDescription: description }));
  assert.throws(() => process(envelope), refusal('run', 'condition-failed', /image digest/));
});

test('X-91: a usage description that no network could use is refused by who reads it', () => {
  for (const url of ['http://mud.example/lamp.json', 'https:///lamp.json', '']) {
    const authentic = describing({ ...description, url });
    assert.throws(() => summarise(authentic, linux), refusal('setup', 'parameter-unsupported', /https/));
  }
  const unknown = describing({ ...description, signer: [-14, new Uint8Array(20)] });
  assert.throws(() => summarise(unknown, linux), refusal('setup', 'alg-unsupported'));
});
