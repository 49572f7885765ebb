/** What the other examples are made of: a firmware server with one release, and lamps that take it. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { digest, encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import { publishRelease } from '@lapel/author';
import { class1, manufacture, serverSource, trustStoreVersion } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import { deviceClass, live, makeRelease, norFlash, vendor } from '@lapel/simulator';
import type { Handler } from '@lapel/transport';
import { bearer, bytesBody, request, systemClock, systemRandom } from '@lapel/transport';

const author = generateSigningKey('P-256');
const firmware = async (sequence: number) => {
  const version = `1.${sequence - 1}.0`;
  const image = new Uint8Array(await readFile(new URL(`lamp/build/lamp-${version}.bin`, import.meta.url)));
  return { image, envelope: await makeRelease({ image, sequence, version, className: 'lamp', key: author }) };
};

/** With the second firmware, published by its author and released by an operator. */
export async function openServer(): Promise<{ handler: Handler; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-example-'));
  const onRefused = (_: string, why: string) => console.error(why);
  const trustAnchors = [{ key: author.public }];
  const server = await createFirmwareServer({ folder, trustAnchors, onBug: console.error, onRefused });
  const handler = bearer(server.handler, (token) => ({ id: token, roles: [token] }));
  const { image, envelope } = await firmware(2);
  const name = hex(digest('sha-256', image));
  const payload = { digest: name, sizeBytes: image.length, open: () => bytesBody(image) };
  const published = await publishRelease(handler, { envelope, payloads: [payload], token: 'author' });
  const headers = { authorization: 'Bearer operator' };
  await handler(request('POST', `/releases/${published.digest}`, { headers }));
  return { handler, close: () => rm(folder, { recursive: true }) };
}

/** A lamp from its factory, with the first firmware; it asks the server until the second one is confirmed. */
export async function updateLamp(name: string, server: Handler, origin: string): Promise<void> {
  const profile = class1();
  const flash = norFlash({ geometry: profile.layout.geometry });
  manufacture(flash, profile, trustOf(name, generateSigningKey('P-256')), await firmware(1));
  const off = new AbortController();
  const device = { flash, profile, clock: systemClock, random: systemRandom, pollMs: 20 };
  const own = { handler: server, origin, vendor, class: deviceClass('lamp') };
  await live(
    {
      ...device,
      network: (asked) => (asked === origin ? server : undefined),
      behaviour: () => 'sound',
      connect: (_, { manifest }) =>
        serverSource({ ...own, running: manifest.digest.bytes, envelopeBytesMax: 64 * 1024 }),
      onStep(step) {
        console.log(`${name}: ${step}`);
        if (step === 'confirmed') off.abort(new Error('switched off'));
      },
    },
    off.signal,
  );
}

const trustOf = (device: string, key: SigningKey) =>
  ({
    ...{ version: trustStoreVersion, device, vendor, class: deviceClass('lamp') },
    deviceKey: encodeSigningKey(key),
    anchors: [encodeVerificationKey(author.public)],
    confirmBy: 'self-test',
    ...{ attempts: 3, deadlineMs: 60_000 },
  }) as const;
