/** The kinds of devices that are known by name: to a factory, and to whoever tries them all. */

import type { ComponentIdentifier } from '@lapel/suit';
import type { Profile } from '../profile.ts';
import { class1, class1DeleteFirst, class1Encrypted, class1Overwrite, class1Swap } from './class1.ts';
import { dualShared, heterogeneous, secureNormal, trustedApplications, twoStage } from './several.ts';

export interface ProfileOptions {
  /** Pages of 2 KiB of one image. */
  readonly imagePages: number;
  readonly granuleBytes?: number;
  /** What manifests call the component that starts, in a profile that leaves it open. */
  readonly component?: ComponentIdentifier;
}

interface Known {
  readonly make: (options: ProfileOptions) => Profile;
  /** Whether the component that starts has whichever name its manifests give it. */
  readonly isNamedByAuthor: boolean;
}

const single = (make: Known['make']): Known => ({ make, isNamedByAuthor: true });
const several = (make: Known['make']): Known => ({ make, isNamedByAuthor: false });

/** A device of two halves, `dualBus`, is none of them: each half has a flash of its own. */
export const profiles = {
  class1: single(class1),
  'class1-overwrite': single(class1Overwrite),
  'class1-swap': single(class1Swap),
  'class1-delete-first': single(class1DeleteFirst),
  'class1-encrypted': single(class1Encrypted),
  'secure-normal': several(secureNormal),
  'dual-shared': several(dualShared),
  'two-stage': several(twoStage),
  heterogeneous: several(heterogeneous),
  'trusted-applications': several(trustedApplications),
} as const satisfies Record<string, Known>;

export type ProfileName = keyof typeof profiles;
