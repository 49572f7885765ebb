/**
 * What boots must go on booting: no change of trust is made that takes away whom something installed depends
 * on (S1-15), so that retiring a key bricks nothing. Whoever wants that something gone raises the boot floor
 * above it, or installs over it.
 */

import type { Limits } from '@lapel/suit';
import { SuitError, admit, authenticate, componentName } from '@lapel/suit';
import type { TrustStore } from '../trust-store.ts';
import { lending } from './arena.ts';
import type { Memory } from './arena.ts';
import type { BootRecord } from './boot-record.ts';
import type { Layout } from './layout.ts';
import { slotAt } from './layout.ts';
import { isComplete, stateOf } from './slot-state.ts';
import { readStoredEnvelope } from './slots.ts';

export interface Change {
  readonly before: TrustStore;
  readonly after: TrustStore;
}

/** @throws {SuitError} where a slot would not boot any more. */
export function requireDependants(
  { flash, layout, limits }: { readonly flash: Memory; readonly layout: Layout; readonly limits: Limits },
  { slots, bootFloors }: BootRecord,
  { before, after }: Change,
): void {
  for (const component of layout.components) {
    const floor = bootFloors.get(componentName(component.identifier))?.sequenceNumber ?? 0;
    for (const slot of component.slots) {
      const state = stateOf(slots, slot);
      if (!isComplete(state) || state.sequenceNumber < floor) continue;
      const { envelopeBytes } = state;
      lending(flash, envelopeBytes, 'an envelope', () => {
        const stored = envelopeIn(flash, layout, slot, envelopeBytes);
        if (stored === undefined || !isVouchedFor(stored, before, limits)) return;
        if (isVouchedFor(stored, after, limits)) return;
        const found = `expected trust anchors on whom slot ${slot} still boots, found it left without`;
        throw new SuitError('run', 'condition-failed', found);
      });
    }
  }
}

const envelopeIn = (flash: Memory, layout: Layout, slot: number, bytes: number): Uint8Array | undefined =>
  unlessRefused(() => readStoredEnvelope(flash, slotAt(layout, slot), bytes));

/** Signatures, and what each signer may touch: as a start asks. */
const isVouchedFor = (stored: Uint8Array, trust: TrustStore, limits: Limits): boolean =>
  unlessRefused(() =>
    admit(authenticate(stored, trust.bootAnchors, limits, trust.policy), {
      limits,
      hasComponent: () => true,
      floor: () => undefined,
    }),
  ) !== undefined;

function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SuitError) return undefined;
    throw error;
  }
}
