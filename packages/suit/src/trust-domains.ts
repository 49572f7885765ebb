/**
 * draft-ietf-suit-trust-domains-12: dependencies, which are manifests that a manifest needs, and what each
 * signer may touch (manifest-37 §9). What its commands do is in processor/depend.ts.
 */

import type { Infer } from '@lapel/cbor';
import { hex, map, optional } from '@lapel/cbor';
import { equalInConstantTime } from '@lapel/cose';
import { byIndex } from './by-index.ts';
import { ComponentIdentifier } from './component-identifier.ts';

/** What any profile accepts; a Recipient's own support is narrower. */
const dependenciesMax = 64;

/** §5.2.2. */
const DependencyMetadata = map({ prefix: optional(1, ComponentIdentifier) });
export const Dependencies = byIndex(DependencyMetadata, dependenciesMax);
export type Dependencies = Infer<typeof Dependencies>;

/** What a component index of a manifest stands for. */
export interface Slot {
  readonly component: ComponentIdentifier;
  /** Equal exactly where the components are, whichever manifest names them. */
  readonly name: string;
  /** Where it holds the envelope of a dependency: what stands before that one's component identifiers. */
  readonly dependency?: { readonly prefix: ComponentIdentifier };
}

/** What acts on a component (manifest-37 §9: the third model of access control grants these one by one). */
export const actingDirectives = [
  'directive-write',
  'directive-fetch',
  'directive-copy',
  'directive-swap',
  'directive-invoke',
  'directive-unlink',
] as const;
export type ActingDirective = (typeof actingDirectives)[number];

export interface Permissions {
  /** The components that a signer may change and invoke: those that begin with one of these. */
  readonly components: readonly ComponentIdentifier[];
  /** What it may do with them; everything where absent. */
  readonly directives?: readonly ActingDirective[];
}

/** A text for a component identifier, equal exactly where the identifiers are. */
export const componentName = (component: ComponentIdentifier): string =>
  // Without a name of its own no part at all would read like one empty part.
  component.length === 0 ? '.' : component.map(hex).join('/');

/**
 * Two readings are met of where a dependency's index lies (the text of §5.2.2 against its Appendix B).
 * Among the components: that component holds the envelope, and a prefix stands before the dependency's own
 * identifiers. Right behind them: the prefix is the name of a component that the list leaves out. A gap is
 * neither.
 */
export function slotsOf(
  components: readonly ComponentIdentifier[],
  dependencies: Dependencies,
  before: ComponentIdentifier,
): readonly Slot[] | undefined {
  const slots: Slot[] = components.map((component) => slot([...before, ...component]));
  for (const [index, { prefix }] of dependencies) {
    const own = slots[index];
    if (own !== undefined) {
      slots[index] = { ...own, dependency: { prefix: [...before, ...(prefix ?? [])] } };
    } else if (index === slots.length && prefix !== undefined) {
      slots.push({ ...slot([...before, ...prefix]), dependency: { prefix: before } });
    } else return undefined;
  }
  return slots;
}

/** The indices of the slots that hold dependencies. */
export const dependencySlots = (slots: readonly Slot[]): readonly number[] =>
  slots.flatMap(({ dependency }, index) => (dependency === undefined ? [] : [index]));

const slot = (component: ComponentIdentifier): Slot => ({ component, name: componentName(component) });

/** Whoever vouches may touch the component: all of them. */
export const isPermitted = (
  component: ComponentIdentifier,
  permissions: readonly Pick<Permissions, 'components'>[],
): boolean => permissions.every(({ components }) => components.some((prefix) => begins(component, prefix)));

const begins = (component: ComponentIdentifier, prefix: ComponentIdentifier): boolean =>
  prefix.length <= component.length &&
  prefix.every((part, index) => equalInConstantTime(part, component[index] ?? new Uint8Array()));

/** Whether one permits nothing that the other does not: authority is handed on, never made. */
export function isWithin(inner: Permissions | undefined, outer: Permissions | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined || !inner.components.every((each) => isPermitted(each, [outer]))) return false;
  const { directives } = outer;
  return directives === undefined || inner.directives?.every((each) => directives.includes(each)) === true;
}
