/**
 * What an author wants installed, in the author's own words: the input of the templates of
 * draft-ietf-suit-manifest-37 §7 and of the extension drafts. Plain data, made by `parseDescription` from
 * YAML or JSON, or by a program.
 */

import type {
  ComponentIdentifier,
  SeverableName,
  Text,
  Version,
  VersionMatch,
  WaitEvents,
  fileTypes,
} from '@lapel/suit';
import type { EncryptionDescription } from './encrypt-payload.ts';

export interface Description {
  /** §8.4.2; `now` becomes the seconds since 1970 when the manifest is built. */
  readonly sequence: number | 'now';
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
  /** Present where the update is for one device only (§8.4.8.5). */
  readonly deviceIdentifier?: Uint8Array;
  readonly components: readonly ComponentDescription[];
  /** Manifests that this one needs, in the order in which they are processed (trust-domains §5). */
  readonly dependencies?: readonly DependencyDescription[];
  /** Where a device keeps this manifest, as a root manifest (trust-domains §5.2.1). */
  readonly manifestComponent?: ComponentIdentifier;
  readonly referenceUri?: string;
  /**
   * Elements that stand outside the manifest, so that they can be cut off without breaking the
   * signature (§8.6).
   */
  readonly severable: readonly SeverableName[];
  readonly text?: Text;
  /** The version that the whole update brings a device to (update-management §3.1). */
  readonly setVersion?: Version;
  readonly preconditions?: Preconditions;
  /** Path of a CoSWID (RFC 9393). */
  readonly coswid?: string;
  readonly usageDescription?: UsageDescriptionSource;
  /** What was staged is proved once more before it is installed, by whoever installs (trust-domains §7.1). */
  readonly candidateVerification?: boolean;
  /** A sequence that unlinks all of it (trust-domains §6). */
  readonly uninstall?: boolean;
}

/** What must hold before an update begins, and is not asked when its images start. */
export interface Preconditions {
  /** Seconds since 1970. */
  readonly useBefore?: number;
  readonly minimumBatteryMilliwattHours?: number;
  /** The application is asked; the smaller, the more urgent. */
  readonly priority?: number;
  readonly waitFor?: WaitEvents;
}

/** Draft-ietf-suit-mud-09. */
export interface UsageDescriptionSource {
  readonly url: string;
  /** Path of the public key that signs the description. */
  readonly signer: string;
}

export interface DependencyDescription {
  /** The component that holds its envelope. */
  readonly id: ComponentIdentifier;
  /** Path of its envelope, signed. */
  readonly envelope: string;
  /** Where it is fetched from; inside the envelope, a name for it there. Absent: made up. */
  readonly uri?: string;
  /** Inside the envelope of this one (trust-domains §8.1.1). */
  readonly integrated: boolean;
  /** For whom its envelope is encrypted; absent: everybody can read it. */
  readonly encryption?: EncryptionDescription;
  /** What stands before its component identifiers on the device. */
  readonly prefix?: ComponentIdentifier;
}

export interface ComponentDescription {
  readonly id: ComponentIdentifier;
  /** One image, or one for each slot that it may be in (§7.7), or none: then it is only looked at. */
  readonly images: readonly [ImageDescription] | readonly SlotImage[];
  /** Where the payload is downloaded to before install copies it (§7.4). */
  readonly staging?: ComponentIdentifier;
  /** What was staged and what was there change places (§8.4.10.7), instead of a copy. */
  readonly swap?: boolean;
  /** Where the image is copied to before it is invoked (§7.6). */
  readonly load?: { readonly id: ComponentIdentifier; readonly image: string };
  /** Invoked at the end of the invocation procedure (§7.2). */
  readonly bootable: boolean;
  readonly invokeArguments?: Uint8Array;
  /** For whoever stores it (update-management §4.6). */
  readonly metadata?: MetadataDescription;
  readonly before?: ComponentPreconditions;
}

/** What a component must be before an update begins. */
export interface ComponentPreconditions {
  /** Each must hold (update-management §5.5). */
  readonly versions?: readonly VersionMatch[];
  /** Path of the image that it must hold. */
  readonly replaces?: string;
  /** Path of an image that it must not hold. */
  readonly notOver?: string;
  /** Exactly these bytes. */
  readonly holds?: Uint8Array;
}

/** Who may do something with a file: a name, a number, a UUID or whatever the device's system understands. */
export type ActorDescription =
  string | number | { readonly uuid: Uint8Array } | { readonly bytes: Uint8Array };

/** Fourteen bits of what one may do (update-management §4.6.3). */
export type PermissionBits = number;

export interface MetadataDescription {
  readonly defaultPermissions?: PermissionBits;
  readonly userPermissions?: readonly (readonly [ActorDescription, PermissionBits])[];
  readonly groupPermissions?: readonly (readonly [ActorDescription, PermissionBits])[];
  readonly rolePermissions?: readonly (readonly [ActorDescription, PermissionBits])[];
  readonly fileType?: keyof typeof fileTypes;
  /** Seconds since 1970. */
  readonly modificationTime?: number;
  readonly creationTime?: number;
  readonly creator?: ActorDescription;
}

export interface ImageDescription {
  /** Path of the image; relative to the description where it is relative. */
  readonly image: string;
  readonly payload: PayloadSource;
  /** What is made of the image for its way, and undone where it is installed; absent: nothing. */
  readonly format?: ImageFormat;
  /** For whom it is encrypted, after it got its format; absent: everybody can read it. */
  readonly encryption?: EncryptionDescription;
  /** For whoever fetches it, as it is (§8.4.8.13). */
  readonly fetchArguments?: Uint8Array;
}

export type ImageFormat =
  | 'compressed'
  /** The difference to an image that the component has: its path. */
  | { readonly deltaFrom: string };

export interface SlotImage extends ImageDescription {
  /** Number of the slot that this image is linked for (§8.4.8.8). */
  readonly slot: number;
}

export type PayloadSource =
  /** From the firmware server, by its digest. */
  | 'published'
  /** Inside the envelope (§7.5). */
  | 'integrated'
  /** Nowhere: the image is in its component already, and the manifest says what it must be. */
  | 'present'
  | { readonly uri: string };

export const isSlotted = (images: ComponentDescription['images']): images is readonly SlotImage[] =>
  images.every((image) => 'slot' in image);
