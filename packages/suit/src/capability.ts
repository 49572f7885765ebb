/**
 * SUIT_Capability_Report (draft-ietf-suit-report-19 §6): which components, commands, parameters and
 * algorithms a Recipient knows, so that an author can tell beforehand what it would refuse.
 */

import type { Infer, Schema } from '@lapel/cbor';
import { CborError, array, int, major, mapWithRest, optional, required } from '@lapel/cbor';
import { digestAlgorithms } from '@lapel/cose';
import type { Recipient } from './admit.ts';
import type { ComponentIdentifier } from './component-identifier.ts';
import { parameterNames } from './manifest.ts';
import {
  argumentCommands,
  commonElements,
  envelopeElements,
  manifestElements,
  policyCommands,
} from './registry.ts';

const componentsMax = 1024;
const numbersMax = 256;
const pathMax = 8;

/** A component, or every component that begins like this. */
export interface ComponentCapability {
  readonly component: ComponentIdentifier;
  readonly andBelow: boolean;
}

/** The identifier's parts, with `true` behind them for whatever begins with them. */
const ComponentCapability: Schema<ComponentCapability> = {
  read(r) {
    const start = r.at;
    const component: Uint8Array[] = [];
    let andBelow = false;
    for (let left = r.array(); left > 0; left--) {
      if (left === 1 && r.peek() === major.simple) {
        if (!r.bool()) throw new CborError('expected a part of a component or true, found false', start);
        andBelow = true;
      } else component.push(r.bstr());
    }
    return { component, andBelow };
  },
  write(w, { component, andBelow }) {
    w.head(major.array, component.length + (andBelow ? 1 : 0));
    for (const part of component) w.bstr(part);
    if (andBelow) w.bool(true);
  },
};

const numbers = array(int, { min: 1, max: numbersMax });

export const CapabilityReport = mapWithRest(
  {
    components: required(1, array(ComponentCapability, { min: 1, max: componentsMax })),
    commands: required(2, numbers),
    parameters: required(3, numbers),
    algorithms: required(4, numbers),
    envelope: optional(5, numbers),
    manifest: optional(6, numbers),
    common: optional(7, numbers),
    text: optional(8, numbers),
    componentText: optional(9, numbers),
    dependency: optional(10, numbers),
  },
  // What no list is for stands behind the path of its map.
  { key: array(int, { min: 1, max: pathMax }), value: numbers, max: 16 },
);
export type CapabilityReport = Infer<typeof CapabilityReport>;

/** Elements and commands that only a Recipient with dependencies understands. */
const forDependencies = {
  commands: new Set([7, 8, 11, 33]),
  elements: new Set([15, 18, 24]),
};

/**
 * What this processor can do for a Recipient.
 * @param algorithms numbers of the COSE algorithms that its keys are for.
 */
export function capabilities(
  recipient: Pick<Recipient, 'dependencies'>,
  components: readonly ComponentCapability[],
  algorithms: readonly number[],
): CapabilityReport {
  const hasDependencies = recipient.dependencies !== undefined;
  const without = (codes: readonly number[], omitted: ReadonlySet<number>) =>
    codes.filter((code) => hasDependencies || !omitted.has(code)).toSorted((a, b) => a - b);
  const commands = [...Object.values(policyCommands), ...Object.values(argumentCommands)];
  return {
    components,
    commands: without(commands, forDependencies.commands),
    parameters: [...parameterNames.keys()].toSorted((a, b) => a - b),
    algorithms: [...algorithms, ...Object.values(digestAlgorithms).map(({ code }) => code)],
    envelope: without(Object.values(envelopeElements), forDependencies.elements),
    manifest: without(Object.values(manifestElements), forDependencies.elements),
    common: without(Object.values(commonElements), new Set([commonElements.dependencies])),
    ...(hasDependencies ? { dependency: [1] } : {}),
    rest: [],
  };
}
