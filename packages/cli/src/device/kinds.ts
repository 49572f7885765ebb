/** Kinds of devices that the command makes: a profile by name, and how large its images may be. */

import { unhex } from '@lapel/cbor';
import type { Profile, ProfileName, ProfileOptions } from '@lapel/device';
import { profiles } from '@lapel/device';
import { componentName } from '@lapel/suit';

export const profileNames = Object.keys(profiles) as readonly ProfileName[];

export interface DeviceKind extends Omit<ProfileOptions, 'granuleBytes'> {
  readonly profile: ProfileName;
}

/** @throws {RangeError} where no such device can be made. */
export const profileOf = ({ profile, ...options }: DeviceKind): Profile => profiles[profile].make(options);

/** As `readKind` reads it. */
export function kindText({ profile, imagePages, component }: DeviceKind): string {
  const named = component === undefined ? '' : `, component ${componentName(component)}`;
  return `${profile}, ${imagePages} image pages${named}`;
}

const pattern =
  /^(?<name>[a-z0-9-]{1,32}), (?<pages>\d{1,5}) image pages(?:, component (?<component>[0-9a-f/]+))?$/;
const imagePagesMax = 8192;

/** Undefined where the text tells of no kind that is known here. */
export function readKind(text: string): DeviceKind | undefined {
  const { name, pages, component } = pattern.exec(text)?.groups ?? {};
  const profile = profileNames.find((each) => each === name);
  const imagePages = Number(pages);
  if (profile === undefined || imagePages > imagePagesMax) return undefined;
  if (component === undefined) return { profile, imagePages };
  return {
    profile,
    imagePages,
    component: component.split('/').map((part) => unhex(part) ?? new Uint8Array()),
  };
}
