/** A payload that is encrypted, on its way to a processor that has no keys. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEnvelope, signEnvelope } from '@lapel/author';
import { digest, encodeWrappingKey, generateWrappingKey } from '@lapel/cose';
import { writeEnvelope } from '@lapel/suit';
import { deviceClass, vendor } from '../src/firmware.ts';
import { livePair } from '../src/pair-life.ts';
import { ends, pairWorld } from './pair-world.ts';

const { plan, made, profiles, both, onlyPeer } = await pairWorld();

test('S4-104, S1-13: a processor that only stores images takes no ciphertext for one', async () => {
  const image = new Uint8Array(500).fill(7);
  const key = encodeWrappingKey(generateWrappingKey('A128KW'));
  const [, radio] = profiles.master.layout.components;
  const described = {
    image: 'image',
    payload: 'integrated',
    encryption: { algorithm: 'A128GCM', recipients: ['key'] },
  } as const;
  const fileAt = (path: string): Uint8Array => (path === 'key' ? key : image);
  const envelope = await buildEnvelope(
    {
      sequence: 9,
      vendorIdentifier: vendor,
      classIdentifier: deviceClass('lamp'),
      components: [{ id: radio?.identifier ?? [], images: [described], bootable: false }],
      severable: [],
    },
    {
      images: {
        measure: async (path) => ({
          sizeBytes: fileAt(path).length,
          digest: digest('sha-256', fileAt(path)),
        }),
        read: async (path) => fileAt(path),
      },
      clock: { wallMs: () => 0 },
      keep: async () => assert.fail('nothing is beside the envelope'),
    },
  );
  const secret = { ...onlyPeer, sequence: 9, envelope: signEnvelope(writeEnvelope(envelope), made.author) };
  const lived = await livePair({ ...plan, offers: [secret, both] });
  const [failed = ''] = lived.steps.filter((step) => step.startsWith('failed'));
  assert.match(failed, /peer: expected a payload that is the image itself, found one that is encrypted/);
  assert.equal(ends(lived), '2 and 2');
});
