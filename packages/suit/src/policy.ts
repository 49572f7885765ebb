/** Where the SUIT documents leave a choice to the Recipient: what it chose. Who says nothing, is strict. */

import type { Requirement } from './trust-anchor.ts';

export interface Policy {
  /**
   * An envelope without tag 107: only where the context says what it is, as in a TEEP message
   * (draft-ietf-suit-manifest-37 §8.2).
   */
  readonly acceptsUntagged: boolean;
  /** A shared sequence that compares neither vendor nor class, which §6.2 says it SHOULD. */
  readonly acceptsAnyClass: boolean;
  /** A use-before where the device has no clock that it trusts (update-management §5.1). */
  readonly acceptsExpiryWithoutClock: boolean;
  /** Who all vouch for each manifest (RFC 9124 §4.5.5); any one whom it trusts where absent. */
  readonly required?: readonly Requirement[];
}

export const strict: Policy = {
  acceptsUntagged: false,
  acceptsAnyClass: false,
  acceptsExpiryWithoutClock: false,
};
