/** What a peer on a bus holds in its slots: which are kept, which is free, what is there and verifies. */

import { SuitError, componentName } from '@lapel/suit';
import type { Provisioned } from '../bootloader/provisioned.ts';
import type { Part } from '../bootloader/select.ts';
import { verify } from '../bootloader/verify.ts';
import { vouch } from '../bootloader/voucher.ts';
import { isComplete, isHeld, isSame, stateOf } from '../storage/slot-state.ts';
import { recoveryTargets, targetsOf } from '../storage/target.ts';
import type { PeerStatus } from './protocol.ts';

export interface Holdings extends Provisioned {
  /** What was jumped to, by its manifest; undefined in the bootloader. */
  readonly running: Uint8Array | undefined;
  /** A sequence number that hardware remembers, where the journal has lost it. */
  readonly least: number | undefined;
}

/** The component that is the peer's own: what it starts. */
export const ownComponent = ({ profile }: Holdings) => profile.layout.components[0];

const floorOf = (holdings: Holdings) =>
  holdings.journal.bootRecord.floors.get(componentName(ownComponent(holdings).identifier));

/** The last manifest that was confirmed on both sides. */
export const settledOf = (holdings: Holdings): Uint8Array | undefined => floorOf(holdings)?.manifestDigest;

/** The slot that holds all of what a manifest brought. */
export function slotOf(holdings: Holdings, digest: Uint8Array): number | undefined {
  const { slots } = holdings.journal.bootRecord;
  return ownComponent(holdings).slots.find((slot) => {
    const state = stateOf(slots, slot);
    return isComplete(state) && isSame(state.digest, digest);
  });
}

/** Last settled, last told to run, or running: never overwritten. */
export function isProtected(holdings: Holdings, slot: number): boolean {
  const { slots, told } = holdings.journal.bootRecord;
  const state = stateOf(slots, slot);
  const kept = [settledOf(holdings), told?.digest, holdings.running];
  return isComplete(state) && kept.some((digest) => isSame(state.digest, digest));
}

/** Where a new image may go. */
export function spareSlot(holdings: Holdings): number | undefined {
  const { profile, journal } = holdings;
  const { identifier, slots } = ownComponent(holdings);
  const name = componentName(identifier);
  const kept = slots.find((slot) => isProtected(holdings, slot));
  const targets =
    kept === undefined
      ? recoveryTargets(profile.layout, journal.bootRecord)
      : targetsOf(profile.layout, journal.bootRecord, new Map([[name, kept]]));
  const spare = targets.get(name);
  return spare === undefined || isProtected(holdings, spare) ? undefined : spare;
}

/**
 * The image of a manifest, verified where it lies, and not below any floor.
 * @throws {SuitError} where there is none.
 */
export function requireImage(holdings: Holdings, digest: Uint8Array): number {
  const { journal } = holdings;
  const component = ownComponent(holdings);
  const slot = slotOf(holdings, digest);
  const state = stateOf(journal.bootRecord.slots, slot ?? -1);
  if (slot === undefined || !isComplete(state)) {
    throw new SuitError(
      'run',
      'operation-failed',
      'expected an image that this manifest brought, found none',
    );
  }
  requireFloor(holdings, state.sequenceNumber);
  const part: Part = { component, slot, state: { ...state, state: 'confirmed' } };
  const verdict = verify(holdings, [part]);
  if ('disproof' in verdict) throw new SuitError('run', 'condition-failed', verdict.disproof.because);
  const proof = verdict.proofs.get(part);
  if (proof?.by === 'signature') vouch(holdings, part, proof.manifest);
  return slot;
}

function requireFloor(holdings: Holdings, sequenceNumber: number): void {
  const { bootFloors } = holdings.journal.bootRecord;
  const name = componentName(ownComponent(holdings).identifier);
  const { least = 0 } = holdings;
  const floor = Math.max(
    least,
    floorOf(holdings)?.sequenceNumber ?? 0,
    bootFloors.get(name)?.sequenceNumber ?? 0,
  );
  if (sequenceNumber >= floor) return;
  const found = `expected sequence number ${floor} or higher, found ${sequenceNumber}`;
  throw new SuitError('setup', 'unauthorised', found);
}

export function statusOf(holdings: Holdings): PeerStatus {
  const { trust, journal, running } = holdings;
  const { identifier, slots } = ownComponent(holdings);
  const [settled, spare] = [settledOf(holdings), spareSlot(holdings)];
  return {
    name: 'status',
    device: trust.device,
    component: identifier,
    slots: slots.map((slot) => {
      const held = stateOf(journal.bootRecord.slots, slot);
      return { state: held.state, ...(isHeld(held) ? { manifest: held.digest } : {}) };
    }),
    ...(running === undefined ? {} : { running }),
    ...(settled === undefined ? {} : { settled }),
    ...(spare === undefined ? {} : { spare: slots.indexOf(spare) }),
  };
}
