/**
 * The command that raises the boot floor: a `write` to a component that every device has besides its own,
 * `["boot-floor"]`, signed like everything that a manifest says. What it writes is `[component, sequence
 * number]`; below that number nothing of the component boots any more, however little else is left. It rises
 * to what is confirmed and still there at most, so
 * that it strands no device.
 */

import { CborError, read, tuple, uint } from '@lapel/cbor';
import { ComponentIdentifier, SuitError, componentName } from '@lapel/suit';
import type { BootRecord } from './boot-record.ts';
import type { RecordOf } from './journal-record.ts';
import type { Layout } from './layout.ts';
import { componentOf } from './layout.ts';
import { stateOf } from './slot-state.ts';

export const bootFloorComponent: ComponentIdentifier = [new TextEncoder().encode('boot-floor')];

const BootFloorCommand = tuple(ComponentIdentifier, uint);

export const isBootFloor = (component: ComponentIdentifier): boolean =>
  componentName(component) === componentName(bootFloorComponent);

/**
 * Undefined where it is that high already.
 * @throws {SuitError} where it is none that this device may follow.
 */
export function readBootFloor(
  content: Uint8Array,
  layout: Layout,
  { slots, bootFloors }: BootRecord,
): RecordOf<'bootFloor'> | undefined {
  const [component, sequenceNumber] = decoded(content);
  const own = componentOf(layout, component);
  if (own === undefined) {
    throw new SuitError('run', 'component-unsupported', 'expected a component of this device, found another');
  }
  // What was confirmed and has rotted since is nothing that the device could boot in place of what it has.
  const confirmed = own.slots.reduce((most, slot) => {
    const state = stateOf(slots, slot);
    return state.state === 'confirmed' ? Math.max(most, state.sequenceNumber) : most;
  }, 0);
  if (sequenceNumber > confirmed) {
    const found = `expected a boot floor of at most ${confirmed}, as confirmed, found ${sequenceNumber}`;
    throw new SuitError('run', 'condition-failed', found);
  }
  const before = bootFloors.get(componentName(component))?.sequenceNumber ?? 0;
  return sequenceNumber > before ? { name: 'bootFloor', component, sequenceNumber } : undefined;
}

function decoded(content: Uint8Array): readonly [ComponentIdentifier, number] {
  try {
    return read(BootFloorCommand, content);
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    throw new SuitError('run', 'operation-failed', `boot floor: ${error.message}`, { cause: error });
  }
}
