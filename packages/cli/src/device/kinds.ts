/** Kinds of devices that the command makes: a profile by name, and how large its images may be. */

import { unhex } from '@lapel/cbor';
import type { Profile } from '@lapel/device';
import {
  class1,
  class1DeleteFirst,
  class1Overwrite,
  class1Swap,
  dualShared,
  heterogeneous,
  secureNormal,
  twoStage,
} from '@lapel/device';
import type { ComponentIdentifier } from '@lapel/suit';
import { componentName } from '@lapel/suit';

/** With one component that its author names; and with several that have names of their own. */
const single = {
  class1,
  'class1-overwrite': class1Overwrite,
  'class1-swap': class1Swap,
  'class1-delete-first': class1DeleteFirst,
} as const;
const several = {
  'secure-normal': secureNormal,
  'dual-shared': dualShared,
  'two-stage': twoStage,
  heterogeneous,
} as const;

export type ProfileName = keyof typeof single | keyof typeof several;

export const profileNames = [...Object.keys(single), ...Object.keys(several)] as readonly ProfileName[];

export interface DeviceKind {
  readonly profile: ProfileName;
  /** Pages of 2 KiB. */
  readonly imagePages: number;
  /** What manifests call the component that starts, in a profile that leaves it open. */
  readonly component?: ComponentIdentifier;
}

/** Whether the component that starts has whichever name its manifests give it. */
export const isNamedByAuthor = (name: ProfileName): name is keyof typeof single =>
  Object.hasOwn(single, name);

/** @throws {RangeError} where no such device can be made. */
export function profileOf({ profile: name, imagePages, component }: DeviceKind): Profile {
  if (!isNamedByAuthor(name)) return several[name]({ imagePages });
  return single[name](component === undefined ? { imagePages } : { imagePages, component });
}

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
