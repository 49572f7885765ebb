/**
 * A procedure as it may run: every command in order with the components that it may reach, and the
 * parameters that may be set by then. Of alternatives each is walked, and what any of them sets may be set.
 */

import { server } from '../limits.ts';
import type { ParameterName, SectionName } from '../manifest.ts';
import { parameterNames } from '../manifest.ts';
import { indicesOf } from '../walk.ts';
import type { Node, Subject } from './subject.ts';

/** By component index. */
type Settings = Map<number, ReadonlySet<ParameterName>>;

/** A command for one component. */
export interface Visit {
  readonly node: Node;
  readonly section: SectionName;
  readonly component: number;
  /** What may be set for it. */
  readonly set: ReadonlySet<ParameterName>;
}

/** manifest-37 §8.4.6, trust-domains-12 §3 and §7. */
export const procedures = {
  update: ['dependencyResolution', 'payloadFetch', 'candidateVerification', 'install', 'validate'],
  invocation: ['validate', 'load', 'invoke'],
  uninstall: ['uninstall'],
} as const satisfies Readonly<Record<string, readonly SectionName[]>>;

/** A manifest may multiply commands with components; what goes beyond what any profile runs is too much. */
const visitsMax = 2 * server.commands;

interface Walk {
  readonly subject: Subject;
  readonly every: readonly number[];
  readonly visits: Visit[];
  settings: Settings;
  section: SectionName;
}

export function walkThrough(subject: Subject, procedure: keyof typeof procedures): readonly Visit[] {
  const every = subject.components.map((_, index) => index);
  const walk: Walk = { subject, every, visits: [], settings: new Map(), section: 'sharedSequence' };
  for (const section of procedures[procedure]) {
    if (subject.sections[section] === undefined) continue;
    // §8.4.5: the shared sequence runs before any other.
    for (const name of ['sharedSequence', section] as const) {
      walk.section = name;
      walkSequence(subject.sections[name] ?? [], [0], walk);
    }
  }
  return walk.visits;
}

function walkSequence(nodes: readonly Node[], from: readonly number[], walk: Walk): void {
  let current = from;
  for (const node of nodes) {
    const { command, sets } = node;
    if (command.name === 'directive-set-component-index') current = indicesOf(command.index, walk.every);
    for (const component of current) {
      if (walk.visits.length >= visitsMax) return;
      walk.visits.push({ node, section: walk.section, component, set: settingsOf(component, walk) });
    }
    for (const { index, parameters } of sets) {
      const names = Object.keys(parameters) as ParameterName[];
      for (const component of index === undefined ? current : [index]) assign(component, names, walk);
      if (index !== undefined) current = [index];
    }
    if (command.name === 'directive-copy-params') {
      const names = command.from.flatMap(([, numbers]) => numbers.map((each) => parameterNames.get(each)));
      const known = names.filter((name) => name !== undefined);
      for (const component of current) assign(component, known, walk);
    }
    walkInner(node, current, walk);
  }
}

function walkInner({ command, inner }: Node, current: readonly number[], walk: Walk): void {
  if (command.name !== 'directive-try-each') {
    for (const sequence of inner) walkSequence(sequence, current, walk);
    return;
  }
  const before = walk.settings;
  const after: Settings = new Map();
  for (const alternative of inner) {
    walk.settings = new Map(before);
    walkSequence(alternative, current, walk);
    for (const [component, names] of walk.settings) {
      after.set(component, new Set([...(after.get(component) ?? []), ...names]));
    }
  }
  walk.settings = after;
}

const settingsOf = (component: number, { settings }: Walk): ReadonlySet<ParameterName> =>
  settings.get(component) ?? new Set();

function assign(component: number, names: readonly ParameterName[], { settings }: Walk): void {
  settings.set(component, new Set([...(settings.get(component) ?? []), ...names]));
}
