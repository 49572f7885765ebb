/**
 * What the power is cut in, for each layout: an update that succeeds, one whose firmware fails its self-test,
 * one that crashes; updates of several components and of one of them; a device whose journal is full; and
 * the recovery of one of which nothing boots.
 */

import type { Profile, ProfileName } from '@lapel/device';
import { Journal, profiles } from '@lapel/device';
import { componentName } from '@lapel/suit';
import { norFlash } from './flash.ts';
import { settle } from './powercut-life.ts';
import type { ChipState, Release, Scenario } from './powercut-scenario.ts';
import type { Wanted, Workshop } from './powercut-workshop.ts';
import { attempts, workshop } from './powercut-workshop.ts';

type Make = (options: Size) => Profile;

/** What is tried by scenarios of its own: payloads that are staged, and manifests as components. */
const others: ReadonlySet<ProfileName> = new Set(['class1-encrypted', 'trusted-applications']);

/** By name; each brings its scenarios. */
export const powercutProfiles: Readonly<Record<string, Make>> = Object.fromEntries(
  (Object.keys(profiles) as ProfileName[])
    .filter((name) => !others.has(name))
    .map((name) => [name, profiles[name].make]),
);

export interface Size {
  readonly granuleBytes: number;
  /** Pages of one image, even. */
  readonly imagePages: number;
}

/** Beyond one mark of the download, and no whole number of pages or granules. */
export const usual: Size = { granuleBytes: 8, imagePages: 12 };
/** So few operations that every pair of them can be tried. */
export const small: Size = { granuleBytes: 8, imagePages: 2 };

export async function scenariosOf(name: string, seed: number, size: Size): Promise<readonly Scenario[]> {
  const make = powercutProfiles[name];
  if (make === undefined) throw new RangeError(`expected one of ${Object.keys(powercutProfiles).join(', ')}`);
  const profile = make(size);
  const made = workshop(seed);
  const parts = profile.layout.components.filter(({ role }) => role !== 'recovery');
  return parts.length > 1 ? several(profile, made, size) : single(profile, made, size);
}

const bytesIn = ({ imagePages }: Size, share: number): number => Math.floor(imagePages * 2048 * share) - 3;

async function single(profile: Profile, made: Workshop, size: Size): Promise<readonly Scenario[]> {
  const { components } = profile.layout;
  const [{ identifier: main, scheme }] = components;
  const of = (share: number): Wanted => [main, bytesIn(size, share)];
  const helper = components.find(({ role }) => role === 'recovery');
  const helpers =
    helper === undefined ? [] : [await made.release(1, [helper.identifier, bytesIn(size, 0.3)])];
  const [first, second] = [await made.release(1, of(0.75)), await made.release(2, of(0.86))];
  const [third, fourth] = [await made.release(3, of(0.61)), await made.release(4, of(0.99))];
  const base = {
    profile,
    factory: made.device(profile, [first, ...helpers]),
    releases: [first, second, third, fourth, ...helpers],
    attempts,
    behaviour: 'sound',
    keepsConfirmed: scheme !== 'overwrite',
  } as const;
  const ends = (release: Release) => new Map([[componentName(main), release]]);
  // Where the old image is gone, only a better one mends what a bad one has done.
  const keepsOld = scheme === 'two-slots' || scheme === 'swap';
  const bad = keepsOld
    ? { offers: [second], wanted: ends(first) }
    : { offers: [second, third], wanted: ends(third), ...(helper === undefined ? { brought: third } : {}) };
  const update = { ...base, name: 'update', offers: [second], wanted: ends(second) };
  const used = await aged(update);
  const later = { ...base, factory: used, offers: [third], wanted: ends(third) };
  return [
    update,
    { ...base, ...bad, name: 'failed self-test', behaviour: 'sick' },
    { ...base, ...bad, name: 'crash', behaviour: 'crashes' },
    { ...update, name: 'wrong payload', wrongPayloads: 1 },
    { ...later, name: 'third update, full journal' },
    { ...later, ...ruin(later, fourth), name: 'recovery', wanted: ends(fourth), offers: [fourth] },
  ];
}

async function several(profile: Profile, made: Workshop, size: Size): Promise<readonly Scenario[]> {
  const [{ identifier: a }, second] = profile.layout.components;
  const b = second?.identifier ?? a;
  const of = (share: number): Wanted => [a, bytesIn(size, share)];
  const ofOther = (share: number): Wanted => [b, bytesIn(size, share)];
  const [old, both] = [
    await made.release(1, of(0.7), ofOther(0.4)),
    await made.release(2, of(0.8), ofOther(0.5)),
  ];
  const [onlyA, onlyB] = [await made.release(3, of(0.5)), await made.release(4, ofOther(0.6))];
  const last = await made.release(5, of(0.9), ofOther(0.9));
  const ends = (forA: Release, forB: Release) =>
    new Map([
      [componentName(a), forA],
      [componentName(b), forB],
    ]);
  const base = {
    profile,
    factory: made.device(profile, [old]),
    releases: [old, both, onlyA, onlyB, last],
    attempts,
    behaviour: 'sound',
    keepsConfirmed: true,
  } as const;
  const together = { ...base, name: 'both at once', offers: [both], wanted: ends(both, both) };
  const inTurn = { ...base, offers: [onlyA, onlyB], wanted: ends(onlyA, onlyB) };
  const used = await aged({ ...inTurn, name: 'one after the other' });
  const later = { ...base, factory: used, offers: [last], wanted: ends(last, last) };
  return [
    together,
    { ...together, name: 'both at once, failed self-test', behaviour: 'sick', wanted: ends(old, old) },
    { ...together, name: 'both at once, crash', behaviour: 'crashes', wanted: ends(old, old) },
    { ...inTurn, name: 'one after the other' },
    { ...together, name: 'both at once, wrong payload', wrongPayloads: 1 },
    { ...later, name: 'both again, full journal' },
    { ...later, ...ruin(later, last), name: 'recovery of both', wanted: ends(last, last) },
  ];
}

/** So little that an update does not get by with it. */
const journalRoomWanted = 200;

/** The device after an update, its journal so full that the next one has to write it anew. */
async function aged(scenario: Scenario): Promise<ChipState> {
  const { profile, factory } = scenario;
  const { geometry, journal } = profile.layout;
  const flash = norFlash({ geometry, ...factory });
  await settle(scenario, flash, () => undefined);
  const open = Journal.open(flash, journal);
  const notice = { name: 'reported', digest: new Uint8Array(32) } as const;
  const room = () => {
    const regions = journal.map(({ address, bytes }) => Buffer.from(flash.read(address, bytes)));
    const [newest] = regions.toSorted((a, b) => b.readInt32BE(4) - a.readInt32BE(4));
    return newest === undefined ? 0 : newest.length - 1 - newest.findLastIndex((byte) => byte !== 0xff);
  };
  while (room() > journalRoomWanted) open.append(notice);
  return { content: flash.dump(), carried: flash.carried() };
}

/** The device with a bit changed in each image, and somebody beside it. */
function ruin({ factory, profile }: Pick<Scenario, 'factory' | 'profile'>, brought: Release) {
  const content = factory.content.slice();
  const places = new Set(profile.layout.slots.map(({ image }) => image.address));
  for (const at of places) content[at + 5] = (content[at + 5] ?? 0) ^ 1;
  return { factory: { ...factory, content }, brought, keepsConfirmed: false };
}
