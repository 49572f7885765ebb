/**
 * What an author wants installed, in the author's own words: the input of the templates of
 * draft-ietf-suit-manifest-37 §7. Plain data, made by `parseDescription` from YAML or JSON, or by a
 * program.
 */

import type { ComponentIdentifier, SeverableName, Text } from '@lapel/suit';
import type { EncryptionDescription } from './encrypt-payload.ts';

export interface Description {
  /** §8.4.2; `now` becomes the seconds since 1970 when the manifest is built. */
  readonly sequence: number | 'now';
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
  /** Present where the update is for one device only (§8.4.8.5). */
  readonly deviceIdentifier?: Uint8Array;
  readonly components: readonly ComponentDescription[];
  readonly referenceUri?: string;
  /**
   * Elements that stand outside the manifest, so that they can be cut off without breaking the
   * signature (§8.6).
   */
  readonly severable: readonly SeverableName[];
  readonly text?: Text;
}

export interface ComponentDescription {
  readonly id: ComponentIdentifier;
  /** One image, or one for each slot that the component may be in (§7.7). */
  readonly images: readonly [ImageDescription] | readonly SlotImage[];
  /** Where the payload is downloaded to before install copies it (§7.4). */
  readonly staging?: ComponentIdentifier;
  /** Where the image is copied to before it is invoked (§7.6). */
  readonly load?: { readonly id: ComponentIdentifier; readonly image: string };
  /** Invoked at the end of the invocation procedure (§7.2). */
  readonly bootable: boolean;
}

export interface ImageDescription {
  /** Path of the image; relative to the description where it is relative. */
  readonly image: string;
  readonly payload: PayloadSource;
  /** What is made of the image for its way, and undone where it is installed; absent: nothing. */
  readonly format?: ImageFormat;
  /** For whom it is encrypted, after it got its format; absent: everybody can read it. */
  readonly encryption?: EncryptionDescription;
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
