/**
 * What the power is cut in, for each layout: an update that succeeds, one whose firmware fails its self-test,
 * one that crashes; updates of several components and of one of them; a device whose journal is full; and
 * the recovery of one of which nothing boots.
 */

import type { Profile, ProfileName } from '@lapel/device';
import { profiles } from '@lapel/device';
import type { Size } from './powercut-before.ts';
import type { Scenario } from './powercut-scenario.ts';
import { ofTwoAuthors, several } from './powercut-several.ts';
import { single } from './powercut-single.ts';
import { workshop } from './powercut-workshop.ts';

export type { Size } from './powercut-before.ts';
export { small, usual } from './powercut-before.ts';

type Make = (options: Size) => Profile;

/** By name; each brings its scenarios. */
export const powercutProfiles: Readonly<Record<string, Make>> = Object.fromEntries(
  (Object.keys(profiles) as ProfileName[]).map((name) => [name, profiles[name].make]),
);

export async function scenariosOf(name: string, seed: number, size: Size): Promise<readonly Scenario[]> {
  const make = powercutProfiles[name];
  if (make === undefined) throw new RangeError(`expected one of ${Object.keys(powercutProfiles).join(', ')}`);
  const profile = make(size);
  const made = workshop(seed);
  const parts = profile.layout.components.filter(({ role }) => role !== 'recovery' && role !== 'staging');
  if (name === 'trusted-applications') return ofTwoAuthors(profile, made, size);
  return parts.length > 1 ? several(profile, made, size) : single(profile, made, size);
}
