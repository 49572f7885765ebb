/**
 * What the manifest processor asks of the world, and what the world answers, and nothing else. Who drives
 * it refuses what it has no answer to.
 */

import type { DigestAlgorithm } from '@lapel/cose';
import type { ComponentMetadata } from '../component-metadata.ts';
import type { ComponentIdentifier, EnterpriseNumber, KnownDigest } from '../manifest.ts';
import type { WaitEvents } from '../update-management.ts';

/** What a component is to hold, where the manifest has said so before the command. */
export interface ExpectedImage {
  readonly digest?: KnownDigest;
  readonly sizeBytes?: number;
}

/**
 * SUIT_Encryption_Info, a COSE_Encrypt as it stands in the manifest (firmware-encryption §4): whoever acts
 * stores what comes out of `decrypting`, and that is what is expected.
 */
export type EncryptionInfo = Uint8Array;

export type Effect =
  | ManagementEffect
  | DependencyEffect
  /** Is this an identifier of the component? Answer: boolean. */
  | {
      readonly do: 'identify';
      readonly component: ComponentIdentifier;
      readonly which: 'vendor' | 'class' | 'device';
      readonly identifier: Uint8Array | EnterpriseNumber;
    }
  /** The digest over the whole component, or undefined where it is empty or not of that size. */
  | {
      readonly do: 'digest';
      readonly component: ComponentIdentifier;
      readonly algorithm: DigestAlgorithm;
      readonly sizeBytes?: number;
    }
  /** Would an image for this component go to, or lie in, that slot? Answer: boolean. */
  | { readonly do: 'slot'; readonly component: ComponentIdentifier; readonly slot: number }
  /** The component's content, or undefined where it is not of that size. */
  | { readonly do: 'content'; readonly component: ComponentIdentifier; readonly sizeBytes: number }
  /** Stores these bytes, decrypted first where they are not plain. No answer; like all below, it throws. */
  | {
      readonly do: 'write';
      readonly component: ComponentIdentifier;
      readonly content: Uint8Array;
      readonly encryption?: EncryptionInfo;
      /** Fetch arguments, of what comes out of the decryption. */
      readonly arguments?: Uint8Array;
      readonly expected: ExpectedImage;
    }
  /**
   * Obtains a payload and stores it, as it comes; but for the envelope of a dependency, which is stored as it
   * comes out of the decryption (trust-domains §8.2).
   */
  | {
      readonly do: 'fetch';
      readonly component: ComponentIdentifier;
      readonly uri: string;
      readonly encryption?: EncryptionInfo;
      readonly arguments?: Uint8Array;
      readonly expected: ExpectedImage;
    }
  | {
      readonly do: 'copy';
      readonly component: ComponentIdentifier;
      readonly source: ComponentIdentifier;
      readonly encryption?: EncryptionInfo;
      /** Fetch arguments, of what comes out of the decryption. */
      readonly arguments?: Uint8Array;
      readonly expected: ExpectedImage;
    }
  | { readonly do: 'swap'; readonly component: ComponentIdentifier; readonly source: ComponentIdentifier }
  | { readonly do: 'invoke'; readonly component: ComponentIdentifier; readonly arguments?: Uint8Array };

/** What draft-ietf-suit-update-management-14 asks. */
export type ManagementEffect =
  /** Seconds since 1970 of a clock that the device trusts; undefined where it has none. */
  | { readonly do: 'time'; readonly component: ComponentIdentifier }
  /** What is left in the battery, in mWh; undefined where nothing tells. */
  | { readonly do: 'battery'; readonly component: ComponentIdentifier }
  /** Does the application allow an update of this priority? The smaller, the more urgent. A boolean. */
  | { readonly do: 'authorize'; readonly component: ComponentIdentifier; readonly priority: number }
  /** The version of what the component holds, as a list of numbers, or undefined. */
  | { readonly do: 'version'; readonly component: ComponentIdentifier }
  /** Answers true when all of these events have come. An event that is not supported fails. */
  | { readonly do: 'wait'; readonly component: ComponentIdentifier; readonly events: WaitEvents }
  /** What the next write, fetch or copy of the component makes of it besides its content. No answer. */
  | {
      readonly do: 'describe';
      readonly component: ComponentIdentifier;
      readonly metadata: ComponentMetadata;
    };

/** What draft-ietf-suit-trust-domains-12 asks. */
export type DependencyEffect =
  /** The envelope that the component holds, whole; undefined where it is empty or of more bytes. */
  | { readonly do: 'envelope'; readonly component: ComponentIdentifier; readonly bytesMax: number }
  /**
   * The manifest with this digest needs the component no longer. Whoever counts takes its reference away,
   * once, keeps the count over a restart, and answers with the references that are left; a component that
   * has some refuses write, fetch and copy (§5.6.5). Whoever does not count answers undefined. What an ending
   * says is needed are the references that are added.
   */
  | { readonly do: 'unlink'; readonly component: ComponentIdentifier; readonly manifest: Uint8Array };

export type Answer = boolean | number | Uint8Array | readonly number[] | undefined | void;
