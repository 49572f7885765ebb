/** Who needs what after an update (trust-domains §5.6.5): the references that are added where they count. */

import type { ComponentIdentifier } from '../manifest.ts';
import type { State } from './state.ts';

/** A component, and the digest of a manifest that needs it. */
export interface Need {
  readonly component: ComponentIdentifier;
  readonly manifest: Uint8Array;
}

/** Every component of the manifest, envelopes of its dependencies among them, and theirs. */
export function needsOf({ admitted, dependencies }: State): readonly Need[] {
  const manifest = admitted.authentic.digest.bytes;
  const own = admitted.slots.map(({ component }) => ({ component, manifest }));
  return [...own, ...[...dependencies.values()].flatMap(needsOf)];
}
