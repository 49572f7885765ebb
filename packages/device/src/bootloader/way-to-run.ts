/** Where an image must be moved to before it can run, for layouts in which not every slot runs. */

import type { BootRecord, Move } from '../storage/boot-record.ts';
import { runningSlots } from '../storage/layout.ts';
import { isComplete, stateOf } from '../storage/slot-state.ts';
import type { Part } from './select.ts';

/** Undefined where it lies where it runs. */
export function wayToRun(
  { component, slot, state }: Part,
  { slots }: BootRecord,
): Omit<Move, 'done'> | undefined {
  const runs = runningSlots(component);
  const [to] = runs;
  if (to === undefined || runs.includes(slot)) return undefined;
  const kept = component.slots[2];
  // Only a new image is worth exchanging: what is gone back from has failed.
  const isExchange = kept !== undefined && state.state === 'trial' && isComplete(stateOf(slots, to));
  return isExchange ? { from: slot, to, kept } : { from: slot, to };
}
