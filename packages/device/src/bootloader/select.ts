/**
 * Which slots to try, in order (RFC 9019 §4.1): the trial image while it has attempts left, then what is
 * confirmed, the highest sequence number first. The bootloader verifies each in turn; a bad one never stops
 * it.
 */

import type { BootRecord, SlotState } from '../storage/boot-record.ts';

export type Bootable = Extract<SlotState, { readonly state: 'trial' | 'confirmed' }>;

export interface Candidate {
  readonly slot: 0 | 1;
  readonly state: Bootable;
}

/** A trial whose attempts are used up is no candidate: `exhausted` names it, so that its end is recorded. */
export function select({ slots }: BootRecord): {
  readonly candidates: readonly Candidate[];
  readonly exhausted: readonly Candidate[];
} {
  const bootable = slots.flatMap((state, index): Candidate[] =>
    state.state === 'trial' || state.state === 'confirmed' ? [{ slot: index === 0 ? 0 : 1, state }] : [],
  );
  const trials = bootable.filter(({ state }) => state.state === 'trial');
  const confirmed = bootable
    .filter(({ state }) => state.state === 'confirmed')
    .toSorted((a, b) => b.state.sequenceNumber - a.state.sequenceNumber);
  const hasAttempts = ({ state }: Candidate) => state.state === 'trial' && state.attemptsLeft > 0;
  return {
    candidates: [...trials.filter(hasAttempts), ...confirmed],
    exhausted: trials.filter((trial) => !hasAttempts(trial)),
  };
}
