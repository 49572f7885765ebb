/**
 * What the manifest processor asks of the world, and what the world answers. Nine questions, and nothing
 * else.
 */

import type { DigestAlgorithm } from '@lapel/cose';
import type { ComponentIdentifier, EnterpriseNumber, KnownDigest } from '../manifest.ts';

/** What a component is to hold, where the manifest has said so before the command. */
export interface ExpectedImage {
  readonly digest?: KnownDigest;
  readonly sizeBytes?: number;
}

export type Effect =
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
  /** Stores these bytes. No answer; like all that follow, it throws where it fails. */
  | {
      readonly do: 'write';
      readonly component: ComponentIdentifier;
      readonly content: Uint8Array;
      readonly expected: ExpectedImage;
    }
  /** Obtains a payload and stores it. */
  | {
      readonly do: 'fetch';
      readonly component: ComponentIdentifier;
      readonly uri: string;
      readonly arguments?: Uint8Array;
      readonly expected: ExpectedImage;
    }
  | {
      readonly do: 'copy';
      readonly component: ComponentIdentifier;
      readonly source: ComponentIdentifier;
      readonly expected: ExpectedImage;
    }
  | { readonly do: 'swap'; readonly component: ComponentIdentifier; readonly source: ComponentIdentifier }
  | { readonly do: 'invoke'; readonly component: ComponentIdentifier; readonly arguments?: Uint8Array };

export type Answer = boolean | Uint8Array | undefined | void;
