/**
 * draft-ietf-suit-manifest-37 §6.7: what a manifest must not do where it says that the order of its commands
 * does not matter. They run in order here all the same; what would depend on it is refused, as it would
 * come out otherwise on another device.
 */

import { SuitError } from '../reason.ts';
import type { PolicyCommandName } from '../registry.ts';
import type { Located } from '../sequence.ts';
import type { State } from './state.ts';
import { changing, parametersOf } from './state.ts';

/** §6.7: where the order does not matter, no component is both changed and read from. */
export function requireNoRace(name: PolicyCommandName, component: number, state: State): void {
  if (state.strictOrder || !changing.has(name)) return;
  const nameOf = (index: number | undefined) =>
    index === undefined ? [] : (state.admitted.slots[index]?.name ?? []);
  const { sourceComponent } = parametersOf(component, state);
  const reads = name === 'directive-copy' || name === 'directive-swap';
  const targets = new Set([...state.unordered.targets].concat(nameOf(component)));
  const sources = new Set([...state.unordered.sources].concat(reads ? nameOf(sourceComponent) : []));
  state.unordered = { targets, sources };
  const both = [...sources].find((each) => targets.has(each));
  if (both === undefined) return;
  const found = `expected ${both} to be changed or read from while strict-order is false, found both`;
  throw new SuitError('run', 'operation-failed', found);
}

/** A sequence that runs beside others keeps the component that it began with. */
export function requireOneIndex(commands: readonly Located[], { strictOrder }: State): void {
  if (strictOrder) return;
  const again = commands.slice(1).some(({ command }) => command.name === 'directive-set-component-index');
  if (!again) return;
  const found = 'expected one component index in a sequence while strict-order is false, found another';
  throw new SuitError('run', 'operation-failed', found);
}
