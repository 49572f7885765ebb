/** Commands as the templates need them, with what the author wants to hear of each (§8.4.7). */

import { write } from '@lapel/cbor';
import type { Command, Digest } from '@lapel/suit';
import { Parameters, digestOf, reporting } from '@lapel/suit';
import type { ImageFigures } from './images.ts';

const everything =
  reporting.recordOnSuccess |
  reporting.recordOnFailure |
  reporting.sysinfoOnSuccess |
  reporting.sysinfoOnFailure;

type PolicyCommand = Extract<Command, { readonly policy: number }>;

/**
 * As Appendix B has it: conditions tell all, a directive its failure, and the choice of a slot only that it
 * was made, since a failure there is an ordinary turn.
 */
export const condition = (name: Extract<PolicyCommand['name'], `condition-${string}`>): Command => ({
  name,
  policy: everything,
});
export const directive = (name: Extract<PolicyCommand['name'], `directive-${string}`>): Command => ({
  name,
  policy: reporting.recordOnFailure,
});

export const vendorMatch = condition('condition-vendor-identifier');
export const classMatch = condition('condition-class-identifier');
export const deviceMatch = condition('condition-device-identifier');
export const imageMatch = condition('condition-image-match');
export const slotMatch: Command = {
  name: 'condition-component-slot',
  policy: reporting.recordOnSuccess | reporting.sysinfoOnSuccess,
};
export const fetch = directive('directive-fetch');
export const writing = directive('directive-write');
export const copy = directive('directive-copy');
export const swap = directive('directive-swap');
export const invocation = directive('directive-invoke');

export const override = (parameters: Parameters): Command => ({
  name: 'directive-override-parameters',
  parameters: write(Parameters, parameters),
});
/** What somebody who depends on this manifest may have said otherwise (trust-domains §5.6.1). */
export const suggest = (parameters: Parameters): Command => ({
  name: 'directive-set-parameters',
  parameters: write(Parameters, parameters),
});

export const digestParameter = ({ digest }: ImageFigures): Digest =>
  digestOf({ algorithm: 'sha-256', bytes: digest });

export const imageParameters = (figures: ImageFigures): Parameters => ({
  imageDigest: digestParameter(figures),
  imageSize: figures.sizeBytes,
});
