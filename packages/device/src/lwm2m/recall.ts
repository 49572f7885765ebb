/**
 * The machine across restarts. Its numbers are a record of the journal; where the journal says more of the
 * update than they do, the journal is right: a reset may have come between the two.
 */

import { compareBytes, write } from '@lapel/cbor';
import type { BootRecord } from '../storage/boot-record.ts';
import type { RecordOf } from '../storage/journal-record.ts';
import { records } from '../storage/journal-record.ts';
import type { Holding } from '../storage/slot-state.ts';
import { isHeld, isSame } from '../storage/slot-state.ts';
import type { Machine, Result, State } from './machine.ts';
import { initial, results, states } from './machine.ts';

export type Managed = RecordOf<'managed'>;

/**
 * What the machine is after a restart, and again after a trial has ended.
 * @param isRecovery what runs stands in for a firmware that is to be replaced, and goes on with that.
 */
export function recall({ managed, slots, handover }: BootRecord, isRecovery = false): Machine {
  if (managed === undefined) return initial;
  const { digest, packageUri } = managed;
  const kept = machineIn(managed);
  if (kept.state === 'idle') return kept;
  const held = slots.filter((slot): slot is Holding => isHeld(slot) && isSame(slot.digest, digest));
  const has = (...found: readonly Holding['state'][]) => held.some(({ state }) => found.includes(state));
  if (has('confirmed')) return idle('updated');
  const canGoOn = held.length > 0 || packageUri !== undefined;
  switch (kept.state) {
    case 'downloading':
      // A package that was being pushed was in memory only: its server must send it again.
      return canGoOn ? kept : idle('connection-lost');
    case 'downloaded':
      if (has('staged')) return kept;
      return canGoOn ? { ...initial, state: 'downloading' } : idle('update-failed');
    case 'updating': {
      const isHandedOver = isSame(handover, digest) || (isRecovery && canGoOn);
      return has('trial', 'staged') || isHandedOver ? kept : idle('update-failed');
    }
  }
}

/** The envelope of what the machine is about, where flash has it: its slot, and how long it is. */
export function storedIn({ managed, slots }: BootRecord) {
  const slot = slots.findIndex((each) => isHeld(each) && isSame(each.digest, managed?.digest));
  const held = slots[slot];
  if (held === undefined || !isHeld(held)) return undefined;
  return { slot, envelopeBytes: held.envelopeBytes };
}

/** Slots whose content was brought for this manifest and is neither running nor on trial. */
export const discardable = ({ slots }: BootRecord, digest: Uint8Array): readonly number[] =>
  slots.flatMap((each, slot) => {
    const isOf = isHeld(each) && compareBytes(each.digest, digest) === 0;
    return isOf && (each.state === 'receiving' || each.state === 'staged') ? [slot] : [];
  });

/** What a server sets of the object, and what it is about. */
export type Settings = Omit<Managed, 'name' | 'state' | 'result'>;

export const recordOf = ({ state, result }: Machine, settings: Settings): Managed => ({
  name: 'managed',
  state: states[state],
  result: results[result],
  ...settings,
});

export const isSameRecord = (a: Managed, b: Managed): boolean =>
  compareBytes(write(records.managed.body, a), write(records.managed.body, b)) === 0;

function machineIn({ state, result }: Managed): Machine {
  const known = {
    state: (Object.keys(states) as State[]).find((each) => states[each] === state),
    result: (Object.keys(results) as Result[]).find((each) => results[each] === result),
  };
  // A number of a later version.
  if (known.state === undefined || known.result === undefined) return initial;
  return { state: known.state, result: known.result, isAccepted: known.result === 'deferred' };
}

const idle = (result: Result): Machine => ({ ...initial, result });
