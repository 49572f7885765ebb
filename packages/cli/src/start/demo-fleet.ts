/**
 * The devices of `npm start`: two classes, one factory firmware, flash in files so that a second start
 * finds them again.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import type { Profile } from '@lapel/device';
import { class1, imageBytesMax } from '@lapel/device';
import type { FleetDevice } from '@lapel/simulator';
import { makeDevice, makeRelease } from '@lapel/simulator';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { makeFlashFile, openFlashFile } from '../flash-file.ts';

/** The release is for the first; the other must not change. */
export const classNames = ['lamp', 'lantern'] as const;

export interface DemoFleet {
  readonly devices: readonly FleetDevice[];
  readonly profile: Profile;
  /** Whether the devices were there already. */
  readonly found: boolean;
}

export interface DemoFleetOptions {
  readonly folder: string;
  readonly count: number;
  readonly factoryImage: Uint8Array;
  /** Of the release: slots are made to hold it. */
  readonly imageBytes: number;
  readonly author: SigningKey;
  readonly tracker: VerificationKey;
}

const pageBytes = 2048;
const imagePages = { min: 20, max: 2048 } as const;
/** Sequence number and version of what the factory puts into every device. */
export const factory = { sequence: 1, version: '1.0.0' } as const;

export async function openDemoFleet(options: DemoFleetOptions): Promise<DemoFleet> {
  const { folder, count, factoryImage, imageBytes, author, tracker } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const description = join(folder, 'fleet.json');
  const found = existsSync(description);
  const plan = found
    ? readPlan(await readFile(description, 'utf8'), description)
    : newPlan(count, imageBytes);
  const profile = class1({ imagePages: plan.imagePages });
  const room = imageBytesMax(profile.layout);
  if (imageBytes > room) {
    const found = `expected an image of at most ${room} bytes, found ${imageBytes}`;
    const mend = 'the devices in this folder were made with slots of that size; choose another with --data';
    throw new CommandFailure(exitCodes.failed, `${found}: ${mend}`);
  }
  const envelopes = new Map<string, Uint8Array>();
  for (const className of classNames) {
    envelopes.set(className, await makeRelease({ image: factoryImage, className, key: author, ...factory }));
  }
  const devices = Array.from({ length: plan.devices }, (_, index) => {
    const className = classNames[index % 2] ?? classNames[0];
    const id = `${className}-${String(Math.floor(index / 2) + 1).padStart(2, '0')}`;
    const firmware = { envelope: envelopes.get(className) ?? new Uint8Array(), image: factoryImage };
    return makeDevice(
      { id, className, firmware },
      {
        profile,
        author: author.public,
        tracker,
        attempts: 3,
        deadlineMs: 120_000,
        flashOf: () => flashIn(join(folder, `${id}.flash`), plan.imagePages),
      },
    );
  });
  // Written last: a fleet that is not whole is made again.
  if (!found) await writeFile(description, `${JSON.stringify(plan)}\n`);
  return { devices, profile, found };
}

const flashIn = (file: string, pages: number) =>
  (existsSync(file) ? openFlashFile(file) : makeFlashFile(file, { profile: 'class1', imagePages: pages }))
    .flash;

interface Plan {
  readonly devices: number;
  readonly imagePages: number;
}

function newPlan(devices: number, imageBytes: number): Plan {
  const wanted = Math.ceil((imageBytes * 1.25) / pageBytes);
  if (imageBytes > imagePages.max * pageBytes) {
    const most = imagePages.max * pageBytes;
    throw new CommandFailure(
      exitCodes.failed,
      `expected an image of at most ${most} bytes, found ${imageBytes}`,
    );
  }
  return { devices, imagePages: Math.min(imagePages.max, Math.max(imagePages.min, wanted)) };
}

function readPlan(text: string, file: string): Plan {
  const plan: unknown = JSON.parse(text);
  if (typeof plan === 'object' && plan !== null && 'devices' in plan && 'imagePages' in plan) {
    const { devices, imagePages: pages } = plan;
    if (typeof devices === 'number' && typeof pages === 'number') return { devices, imagePages: pages };
  }
  throw new CommandFailure(exitCodes.failed, `expected a fleet in ${file}, found something else`);
}
