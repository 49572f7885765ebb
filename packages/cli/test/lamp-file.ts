/** A lamp whose flash is a file, made as its factory makes it. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ConfirmPolicy, TrustStore } from '@lapel/device';
import { operatorGroup, readTrustStore } from '@lapel/device';
import { deviceClass, makeRelease, vendor } from '@lapel/simulator';
import { makeDeviceFile } from '../src/device/make.ts';
import { openFlashFile } from '../src/flash-file.ts';
import type { HouseWorld } from './house-world.ts';
import { lampImage } from './house-world.ts';

/**
 * In the world's folder, known to its tracker.
 * @param holdsToOperators whether it asks for what the world's operator has signed
 */
export async function lampFile(
  world: HouseWorld,
  confirmBy: ConfirmPolicy,
  holdsToOperators = false,
): Promise<TrustStore> {
  const image = await lampImage('1.0.0');
  const file = join(world.folder, 'lamp.flash');
  const first = { image, sequence: 1, version: '1.0.0', className: 'lamp', key: world.author };
  await makeDeviceFile({
    ...{ file, profile: 'class1', id: 'lamp-1', confirmBy },
    anchors: [
      { key: world.author.public, delegates: true },
      ...(holdsToOperators ? [operatorOf(world)] : []),
    ],
    ...{ holdsToOperators, required: [], decryptionKeys: [] },
    tracker: world.house.folder.trackerKey.public,
    envelopes: [{ file: 'one.suit', envelope: await makeRelease(first) }],
    images: [image],
    ...{ attempts: 3, deadlineMs: 60_000, boot: 'signature', counter: undefined },
    oscore: undefined,
  });
  const { flash, profile, close } = openFlashFile(file);
  const trust = readTrustStore(flash, profile.layout.trustStore);
  close();
  assert.ok(trust);
  const own = { vendor, class: deviceClass('lamp') };
  await world.house.tracker.desk.provision({ id: 'lamp-1', key: trust.deviceKey.public, ...own }, 'factory');
  return trust;
}

const operatorOf = ({ operator }: HouseWorld) => ({
  key: operator.public,
  group: operatorGroup,
  permissions: { components: [] },
  delegates: false,
});
