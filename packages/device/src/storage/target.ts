/** Where an image for a component goes, in each layout. Never where something runs from. */

import type { ComponentIdentifier } from '@lapel/suit';
import { SuitError, componentName } from '@lapel/suit';
import type { BootRecord } from './boot-record.ts';
import type { ComponentLayout, Layout } from './layout.ts';
import { runningSlots } from './layout.ts';
import type { SlotState } from './slot-state.ts';
import { stateOf } from './slot-state.ts';

/** By component name. */
export type Targets = ReadonlyMap<string, number>;

/** Slots that something runs from, by component name. */
export type RunningSlots = ReadonlyMap<string, number>;

/** Of an update while something runs. A component without a target must be handed over, or is elsewhere. */
export function targetsOf(layout: Layout, record: BootRecord, running: RunningSlots): Targets {
  return collected(layout, (component) => {
    const own = running.get(componentName(component.identifier));
    switch (component.scheme) {
      case 'two-slots':
        return leastWorth(
          record,
          component.slots.filter((slot) => slot !== own),
        );
      case 'overwrite':
      case 'swap':
        return component.slots[1];
      case 'delete-first':
      case 'in-place':
        return own === undefined ? leastWorth(record, component.slots) : undefined;
      case 'link':
        return undefined;
    }
  });
}

/** Of a recovery, while nothing runs: right to where it runs from. */
export const recoveryTargets = (layout: Layout, record: BootRecord): Targets =>
  collected(layout, (component) => leastWorth(record, runningSlots(component)));

/** Of a first firmware, in flash that holds nothing. */
export const factoryTargets = (layout: Layout): Targets =>
  collected(layout, (component) => runningSlots(component)[0]);

function collected(layout: Layout, of: (component: ComponentLayout) => number | undefined): Targets {
  return new Map(
    layout.components.flatMap((component): (readonly [string, number])[] => {
      const slot = of(component);
      return slot === undefined ? [] : [[componentName(component.identifier), slot]];
    }),
  );
}

/** @throws {SuitError} where the component is none whose images go into this flash. */
export function targetOf(targets: Targets, component: ComponentIdentifier): number {
  const slot = targets.get(componentName(component));
  if (slot !== undefined) return slot;
  const found = 'expected a component that can be written now, found another';
  throw new SuitError('run', 'component-unsupported', found);
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
 * What is confirmed and does not verify may do so at the next start, so the best of it is kept for as long as
 * there is another place.
 */
function leastWorth({ slots }: BootRecord, among: readonly number[]): number | undefined {
  const rank = (slot: number): number => worth[stateOf(slots, slot).state];
  const age = (slot: number): number => {
    const state = stateOf(slots, slot);
    return 'sequenceNumber' in state ? state.sequenceNumber : 0;
  };
  return among.toSorted((a, b) => rank(a) - rank(b) || age(a) - age(b) || a - b)[0];
}
