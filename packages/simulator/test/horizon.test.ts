/** Devices live long: ten years from now their numbers and clocks still count. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import { Journal, boot, class1, manufacture, trustStoreVersion } from '@lapel/device';
import { componentName } from '@lapel/suit';
import { component, deviceClass, makeRelease, vendor } from '../src/firmware.ts';
import { norFlash } from '../src/flash.ts';

test('S4-01: sequence numbers that are times beyond 2038 and beyond 2106 are kept whole', async () => {
  const author = generateSigningKey('P-256');
  const image = new Uint8Array(5000).fill(7);
  for (const sequence of [2 ** 31 + 5, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
    const profile = class1();
    const flash = norFlash({ geometry: profile.layout.geometry });
    const release = { image, sequence, version: '1.0.0', className: 'lamp', key: author };
    const trust = {
      version: trustStoreVersion,
      device: 'lamp-1',
      deviceKey: encodeSigningKey(generateSigningKey('P-256')),
      vendor,
      class: deviceClass('lamp'),
      anchors: [encodeVerificationKey(author.public)],
      confirmBy: 'self-test',
      attempts: 3,
      deadlineMs: 60_000,
    } as const;
    manufacture(flash, profile, trust, { envelope: await makeRelease(release), image });
    const decision = boot(flash, profile);
    assert.ok(decision.boot === 'slot');
    assert.equal(decision.manifest.manifest.sequenceNumber, sequence);
    const { floors } = Journal.open(flash, profile.layout.journal).bootRecord;
    assert.equal(floors.get(componentName(component))?.sequenceNumber, sequence);
  }
});
