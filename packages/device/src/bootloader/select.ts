/**
 * What to try next (RFC 9019 §4.1): for each component the image on trial while it has attempts left, else
 * the confirmed one with the highest sequence number that nothing speaks against. Where what starts or what
 * it needs is not to be had, the recovery application. The bootloader verifies what is named, and asks again
 * without what it refused; a bad one never stops it.
 */

import type { BootRecord } from '../storage/boot-record.ts';
import type { ComponentLayout, Layout, Role } from '../storage/layout.ts';
import { runningSlots } from '../storage/layout.ts';
import type { Bootable } from '../storage/slot-state.ts';
import { isBootable, stateOf } from '../storage/slot-state.ts';
import { componentName } from '@lapel/suit';

/** One component's image among those that are booted together. */
export interface Part {
  readonly component: ComponentLayout;
  readonly slot: number;
  readonly state: Bootable;
}

/** The first is the one that starts. */
export type Parts = readonly [Part, ...Part[]];

/** What is not to be named. */
export interface Exclusion {
  /** Slots that were refused. */
  readonly refused?: ReadonlySet<number>;
  /** What starts has at least this sequence number, whatever the journal says. */
  readonly least?: number | undefined;
}

export function select(record: BootRecord, layout: Layout, exclusion: Exclusion = {}): Parts | undefined {
  const chosen = (role: Role): readonly Part[] | undefined => {
    const parts: Part[] = [];
    for (const component of layout.components.filter((each) => each.role === role)) {
      const part = bestOf(component, record, exclusion);
      if (part !== undefined) parts.push(part);
      else if (role !== 'extra' && component.scheme !== 'link') return undefined;
    }
    return parts;
  };
  const recovery = () => asParts(chosen('recovery'));
  if (record.handover !== undefined) return recovery() ?? main(chosen);
  return main(chosen) ?? recovery();
}

function main(chosen: (role: Role) => readonly Part[] | undefined): Parts | undefined {
  const [start, needed, extra = []] = [chosen('start'), chosen('needed'), chosen('extra')];
  return start === undefined || needed === undefined ? undefined : asParts([...start, ...needed, ...extra]);
}

function asParts([first, ...rest]: readonly Part[] = []): Parts | undefined {
  return first === undefined ? undefined : [first, ...rest];
}

function bestOf(
  component: ComponentLayout,
  { slots, bootFloors }: BootRecord,
  { refused = new Set(), least = 0 }: Exclusion,
): Part | undefined {
  const own = bootFloors.get(componentName(component.identifier))?.sequenceNumber ?? 0;
  const floor = component.role === 'start' ? Math.max(own, least) : own;
  const parts = component.slots.flatMap((slot): Part[] => {
    const state = stateOf(slots, slot);
    const mayBoot = isBootable(state) && !refused.has(slot) && state.sequenceNumber >= floor;
    return mayBoot && !isExhausted(state) ? [{ component, slot, state }] : [];
  });
  const runs = runningSlots(component);
  return parts.toSorted((a, b) => rank(b, runs) - rank(a, runs))[0];
}

/** A trial first; then by sequence number; of two that are alike, the one that need not be moved. */
function rank({ slot, state }: Part, runs: readonly number[]): number {
  if (state.state === 'trial') return Infinity;
  return state.sequenceNumber + (runs.includes(slot) ? 0.5 : 0);
}

/** A trial whose attempts are used up boots no more. */
export const isExhausted = (state: Bootable): boolean => state.state === 'trial' && state.attemptsLeft === 0;

/** Trials whose attempts are used up, so that their end is recorded: one slot of each. */
export function exhausted({ slots }: BootRecord): readonly Bootable[] {
  return slots.filter(isBootable).filter(isExhausted);
}
