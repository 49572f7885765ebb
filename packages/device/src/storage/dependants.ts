/**
 * What boots must go on booting: no change of trust is made that takes away whom something installed depends
 * on (S1-15), so that retiring a key bricks nothing. Whoever wants that something gone raises the boot floor
 * above it, or installs over it.
 */

import type { AuthenticManifest, Limits, Policy } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName, isWithin } from '@lapel/suit';
import type { TrustStore } from '../trust-store.ts';
import type { Memory } from './arena.ts';
import { lending } from './arena.ts';
import type { BootRecord } from './boot-record.ts';
import { dependenciesOf } from './dependencies.ts';
import { readable } from './flash.ts';
import type { Layout } from './layout.ts';
import { slotAt } from './layout.ts';
import { isComplete, stateOf } from './slot-state.ts';

export interface Booting {
  readonly flash: Memory;
  readonly layout: Layout;
  readonly limits: Limits;
  readonly policy: Policy;
}

/** @throws {SuitError} where a slot would not boot any more. */
export function requireDependants(
  booting: Booting,
  { slots, bootFloors }: BootRecord,
  before: TrustStore,
  after: TrustStore,
): void {
  const { layout, limits } = booting;
  for (const { identifier, slots: own } of layout.components) {
    const floor = bootFloors.get(componentName(identifier))?.sequenceNumber ?? 0;
    for (const slot of own) {
      const state = stateOf(slots, slot);
      if (!isComplete(state) || state.sequenceNumber < floor) continue;
      const { envelope, image } = slotAt(layout, slot);
      const root = stored(booting, envelope.address, state.envelopeBytes, (bytes) =>
        [before, after].map((trust) => asRoot(booting, bytes, trust)),
      );
      if (root?.[0] === true && root[1] !== true) throw leftWithout(slot);
      // An image may be the envelope of a dependency, which is asked the same at each start.
      if (state.imageBytes > limits.envelopeBytes) continue;
      const [was, is] =
        stored(booting, image.address, state.imageBytes, (bytes) =>
          [before, after].map((trust) => authentic(booting, bytes, trust)),
        ) ?? [];
      if (was !== undefined && !isNoLess(is, was)) throw leftWithout(slot);
    }
  }
}

const leftWithout = (slot: number): SuitError => {
  const found = `expected trust anchors on whom slot ${slot} still boots, found it left without`;
  return new SuitError('run', 'condition-failed', found);
};

function stored<T>({ flash }: Booting, address: number, length: number, ask: (bytes: Uint8Array) => T) {
  return lending(flash, length, 'an envelope', () => {
    const bytes = readable(flash, address, length);
    return bytes === undefined ? undefined : ask(bytes);
  });
}

/** Signatures, and what each signer may touch: as a start asks. */
function asRoot(booting: Booting, bytes: Uint8Array, trust: TrustStore): boolean {
  const { limits, policy } = booting;
  const manifest = authentic(booting, bytes, trust);
  const recipient = {
    limits,
    policy,
    hasComponent: () => true,
    floor: () => undefined,
    dependencies: dependenciesOf(trust.bootAnchors),
  };
  return manifest !== undefined && unlessRefused(() => admit(manifest, recipient)) !== undefined;
}

const authentic = ({ limits, policy }: Booting, bytes: Uint8Array, { bootAnchors }: TrustStore) =>
  unlessRefused(() => authenticate(bytes, bootAnchors, limits, policy));

/** Where its components lie only its dependent knows: so its signers may be allowed nothing less. */
const isNoLess = (is: AuthenticManifest | undefined, was: AuthenticManifest): boolean =>
  is !== undefined &&
  was.anchors.every(({ permissions }) => is.anchors.every((each) => isWithin(permissions, each.permissions)));

function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SuitError) return undefined;
    throw error;
  }
}
