/**
 * Which slots to try, in order (RFC 9019 §4.1): the trial image while it has attempts left, then what is
 * confirmed, the highest sequence number first. The bootloader verifies each in turn; a bad one never stops
 * it. And which one to give up, where none of them verifies.
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

/** The less a slot may be worth, the earlier it is overwritten. What is half there may be gone on with. */
const worth: Readonly<Record<SlotState['state'], number>> = {
  receiving: 0,
  staged: 1,
  unusable: 2,
  empty: 3,
  trial: 4,
  confirmed: 5,
};

/**
 * The slot that a recovery overwrites. What is confirmed and does not verify may do so at the next start, so
 * the best of it is kept for as long as there is another place.
 */
export function selectForRecovery({ slots: [first, second] }: BootRecord): 0 | 1 {
  if (worth[first.state] !== worth[second.state]) return worth[first.state] < worth[second.state] ? 0 : 1;
  const isNewer = 'digest' in first && 'digest' in second && first.sequenceNumber > second.sequenceNumber;
  return isNewer ? 1 : 0;
}
