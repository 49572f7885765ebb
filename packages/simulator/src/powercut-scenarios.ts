/**
 * The updates that the power is cut in: one that succeeds, one whose firmware fails its self-test, one that
 * crashes, one of many pages, one on a device whose slots are both in use and whose journal is full, and the
 * recovery of that device when both slots are ruined.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey } from '@lapel/cose';
import { encodeSigningKey, encodeVerificationKey, generateSigningKey } from '@lapel/cose';
import type { Firmware, Layout, Profile } from '@lapel/device';
import { Journal, class1, manufacture, trustStoreVersion } from '@lapel/device';
import { createFirmwareServer } from '@lapel/firmware-server';
import type { Handler } from '@lapel/transport';
import { deviceClass, makeRelease, vendor } from './firmware.ts';
import type { NorFlash } from './flash.ts';
import { norFlash } from './flash.ts';
import { settle } from './powercut-life.ts';
import type { Scenario } from './powercut-scenario.ts';
import { publishTo } from './publishing.ts';
import type { SeededRandom } from './random.ts';
import { seededRandom } from './random.ts';

const attempts = 3;

/** @param folder for the firmware servers, empty. */
export async function powercutScenarios(folder: string, seed: number): Promise<readonly Scenario[]> {
  const author = generateSigningKey('P-256');
  const random = seededRandom(seed);
  const server = await serverIn(join(folder, 'first'), author);
  const later = await serverIn(join(folder, 'later'), author);
  // Beyond one mark of the download, and no whole number of pages or granules.
  const profile = class1({ imagePages: 12 });
  const small = await secondRelease({ author, server, random }, 'lamp', profile, [18_435, 21_001]);
  const large = await secondRelease({ author, server, random }, 'floodlight', class1(), [9_001, 40_003]);
  const third = await thirdRelease({ author, server: later, random }, small);
  return [
    small,
    { ...small, name: 'failed self-test', behaviour: 'sick' },
    { ...small, name: 'crash', behaviour: 'crashes' },
    { ...large, name: 'large update' },
    third.scenario,
    { ...third.scenario, name: 'recovery', factory: ruined(third.scenario), brought: third.firmware },
  ];
}

async function serverIn(folder: string, author: SigningKey): Promise<Handler> {
  await mkdir(folder);
  const { handler } = await createFirmwareServer({
    folder,
    trustAnchors: [{ key: author.public }],
    onBug: (error) => {
      throw error;
    },
    onRefused: (digest, why) => {
      throw new Error(`expected ${digest} to be believed, found ${why}`);
    },
  });
  return handler;
}

interface Workshop {
  readonly author: SigningKey;
  readonly server: Handler;
  readonly random: SeededRandom;
}

/** A device with release 1, and release 2 on the server. */
async function secondRelease(
  { author, server, random }: Workshop,
  className: string,
  profile: Profile,
  [oldBytes, newBytes]: readonly [number, number],
): Promise<Scenario> {
  const [old, fresh] = [random.bytes(oldBytes), random.bytes(newBytes)];
  const release = (image: Uint8Array, sequence: number) =>
    makeRelease({ image, sequence, version: `1.${sequence}.0`, className, key: author });
  await publishTo(server, await release(fresh, 2), fresh);

  const flash = norFlash({ geometry: profile.layout.geometry });
  const provision = {
    version: trustStoreVersion,
    device: `${className}-0`,
    deviceKey: encodeSigningKey(generateSigningKey('P-256')),
    vendor,
    class: deviceClass(className),
    anchors: [encodeVerificationKey(author.public)],
    confirmBy: 'self-test',
    attempts,
    deadlineMs: 60_000,
  } as const;
  // What no device may ever write is told from what nobody has written.
  flash.program(profile.layout.loader.address, random.bytes(profile.layout.loader.bytes));
  manufacture(flash, profile, provision, { envelope: await release(old, 1), image: old });
  return {
    name: 'update',
    profile,
    factory: flash.dump(),
    server,
    images: new Map([
      [1, old],
      [2, fresh],
    ]),
    sequences: { old: 1, new: 2 },
    behaviour: 'sound',
    attempts,
  };
}

/** Release 3 for a device that has had release 2, and whose journal has to be written anew on the way. */
async function thirdRelease(
  { author, server, random }: Workshop,
  second: Scenario,
): Promise<{ readonly scenario: Scenario; readonly firmware: Firmware }> {
  const { profile, factory } = second;
  const { layout } = profile;
  const flash = norFlash({ geometry: layout.geometry, content: factory });
  await settle(second, flash, []);
  const journal = Journal.open(flash, layout.journal);
  const notice = { name: 'reported', digest: new Uint8Array(32) } as const;
  while (journalRoom(flash, layout) > journalRoomWanted) journal.append(notice);

  const image = random.bytes(15_007);
  const plan = { image, sequence: 3, version: '1.3.0', className: 'lamp', key: author };
  const envelope = await makeRelease(plan);
  await publishTo(server, envelope, image);
  const scenario = {
    ...second,
    name: 'third update, full journal',
    factory: flash.dump(),
    server,
    images: new Map([...second.images, [3, image]]),
    sequences: { old: 2, new: 3 },
  };
  return { scenario, firmware: { envelope, image } };
}

/** The device's flash with a bit changed in each image. */
function ruined({ factory, profile }: Scenario): Uint8Array {
  const content = factory.slice();
  for (const { image } of profile.layout.slots) content[image.address] = (content[image.address] ?? 0) ^ 1;
  return content;
}

/** So little that an update does not get by with it. */
const journalRoomWanted = 200;

/** Bytes left in the region of the journal that is written to: the one with the higher generation. */
function journalRoom(flash: NorFlash, { journal }: Layout): number {
  const regions = journal.map(({ address, bytes }) => Buffer.from(flash.read(address, bytes)));
  const [newest] = regions.toSorted((a, b) => b.readInt32BE(4) - a.readInt32BE(4));
  return newest === undefined ? 0 : newest.length - 1 - newest.findLastIndex((byte) => byte !== 0xff);
}
