/**
 * The updates that the power is cut in: one that succeeds, one whose firmware fails its self-test, one that
 * crashes.
 */

import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import { class1, manufacture, trustStoreVersion } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import { deviceClass, makeRelease, vendor } from './firmware.ts';
import { norFlash } from './flash.ts';
import type { Scenario } from './powercut.ts';
import { publishTo } from './publishing.ts';
import { seededRandom } from './random.ts';

const className = 'lamp';
const sequences = { old: 1, new: 2 } as const;
/** Beyond one mark of the download, and no whole number of pages or granules. */
const imageBytes = { old: 18_435, new: 21_001 } as const;

/** @param folder for the firmware server, empty. */
export async function powercutScenarios(folder: string, seed: number): Promise<readonly Scenario[]> {
  const random = seededRandom(seed);
  const author = generateSigningKey('P-256');
  const device = generateSigningKey('P-256');
  const profile = class1({ imagePages: 12 });
  const old = random.bytes(imageBytes.old);
  const fresh = random.bytes(imageBytes.new);
  const release = (image: Uint8Array, sequence: number) =>
    makeRelease({ image, sequence, version: `1.${sequence}.0`, className, key: author });

  const server = await createFirmwareServer({
    folder,
    trustAnchors: [{ key: author.public }],
    onBug: (error) => {
      throw error;
    },
    onRefused: (digest, why) => {
      throw new Error(`expected ${digest} to be believed, found ${why}`);
    },
  });
  await publishTo(server.handler, await release(fresh, sequences.new), fresh);

  const flash = norFlash({ geometry: profile.layout.geometry });
  manufacture(
    flash,
    profile,
    {
      version: trustStoreVersion,
      device: 'lamp-0',
      deviceKey: encodeSigningKey(device),
      vendor,
      class: deviceClass(className),
      anchors: [encodeVerificationKey(author.public)],
      confirmBy: 'self-test',
      attempts: 3,
      deadlineMs: 60_000,
    },
    { envelope: await release(old, sequences.old), image: old },
  );
  const common = { profile, factory: flash.dump(), server: server.handler, old, new: fresh, sequences };
  return [
    { ...common, name: 'update', behaviour: 'sound' },
    { ...common, name: 'failed self-test', behaviour: 'sick' },
    { ...common, name: 'crash', behaviour: 'crashes' },
  ];
}
