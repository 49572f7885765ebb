/** A description with its images measured and the indices of its components known: what templates work on. */

import type { Command, ComponentMetadata, Digest, SectionName, VersionMatch } from '@lapel/suit';
import type { Preconditions } from './description.ts';
import type { ImageFigures } from './images.ts';

export interface Plan {
  readonly components: readonly Planned[];
  readonly dependencies: readonly PlannedDependency[];
  readonly compatibility: Compatibility;
  readonly preconditions: Preconditions;
  readonly candidateVerification: boolean;
  readonly uninstall: boolean;
}

export interface Planned {
  readonly index: number;
  /** None of a component that is only looked at. */
  readonly images: readonly [PlannedImage] | readonly PlannedSlot[];
  /** Index of the component that the payload is downloaded to first. */
  readonly stagingIndex?: number;
  readonly swap?: boolean;
  readonly load?: { readonly index: number; readonly figures: ImageFigures };
  readonly bootable: boolean;
  readonly invokeArguments?: Uint8Array;
  readonly metadata?: ComponentMetadata;
  readonly before?: PlannedBefore;
}

/** What a component must be before the update begins. */
export interface PlannedBefore {
  readonly versions?: readonly VersionMatch[];
  readonly replaces?: ImageFigures;
  readonly notOver?: ImageFigures;
  readonly holds?: Uint8Array;
}

export interface PlannedImage {
  readonly figures: ImageFigures;
  /** Absent where the image is in its component already. */
  readonly uri?: string;
  /** What whoever fetches must know of the payload (§8.4.8.13). */
  readonly fetchArguments?: Uint8Array;
  readonly encryption?: PlannedEncryption;
}

/** A ciphertext: inside the manifest, or downloaded first. */
type PlannedEncryption = { readonly info: Uint8Array } & (
  | { readonly content: Uint8Array; readonly ciphertext?: undefined }
  | { readonly ciphertext: ImageFigures; readonly content?: undefined }
);

export interface PlannedSlot extends PlannedImage {
  readonly slot: number;
}

export interface PlannedDependency {
  /** Of the component that holds its envelope. */
  readonly index: number;
  /** Of its manifest. */
  readonly digest: Digest;
  readonly uri: string;
  /** How its envelope is decrypted, and how long it is then. */
  readonly encrypted?: { readonly info: Uint8Array; readonly sizeBytes: number };
  /** The sequences that it has. */
  readonly sections: ReadonlySet<SectionName>;
}

export interface Compatibility {
  readonly vendorIdentifier: Uint8Array;
  readonly classIdentifier: Uint8Array;
  readonly deviceIdentifier?: Uint8Array;
}

/** Speaks of one component: where a manifest has several, each sequence names the one it speaks of (§6.2). */
export type At = (index: number, commands: readonly Command[]) => readonly Command[];

export const hasSlots = (images: Planned['images']): images is readonly PlannedSlot[] =>
  images.length > 0 && images.every((image) => 'slot' in image);
