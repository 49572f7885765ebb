/** Rules about single commands and how they stand beside each other, whichever procedure runs them. */

import type { Command } from '../sequence.ts';
import { policyCommands } from '../registry.ts';
import { SuitError } from '../reason.ts';
import { knownDigest } from '../digest.ts';
import type { Findings } from './finding.ts';
import type { Node, Subject } from './subject.ts';
import { everyNode, sectionText } from './subject.ts';

export function lintCommands(subject: Subject, findings: Findings): void {
  for (const [name, nodes] of Object.entries(subject.sections)) {
    lintFirst(name, nodes, subject, findings);
    for (const node of nodes) lintOutside(node, findings);
    lintReached(nodes, findings);
    for (const node of everyNode(nodes)) lintCommand(node, subject, findings);
  }
  lintShared(subject.sections.sharedSequence ?? [], findings);
}

/** §6.2. */
function lintFirst(name: string, nodes: readonly Node[], { components }: Subject, findings: Findings): void {
  const [first] = nodes;
  if (components.length < 2 || first === undefined) return;
  if (['directive-set-component-index', 'directive-override-multiple'].includes(first.command.name)) return;
  const found = `expected set-component-index first in ${sectionText(name)}, found ${first.command.name}`;
  findings.add('component-index-first', first.place, found);
}

/** §8.4.8.15: outside of any sequence in a sequence. */
function lintOutside({ sets, place }: Node, findings: Findings): void {
  if (sets.every(({ parameters }) => parameters.softFailure === undefined)) return;
  const found = 'expected soft-failure only inside try-each or run-sequence, found it outside';
  findings.add('soft-failure-outside', place, found);
}

/** What stands behind an abort, or behind an alternative that can't fail. */
function lintReached(nodes: readonly Node[], findings: Findings): void {
  for (const [index, { command, inner, place }] of nodes.entries()) {
    const next = nodes[index + 1];
    if (command.name === 'condition-abort' && next !== undefined) {
      findings.add(
        'unreachable',
        next.place,
        'expected a command that can be reached, found one behind an abort',
      );
    }
    const sure = inner.findIndex((each) => !mayFail(each));
    if (command.name === 'directive-try-each' && sure !== -1 && sure < inner.length - 1) {
      const found = `expected alternative ${sure + 1} to fail sometimes, found no condition in it`;
      findings.add('unreachable', inner[sure + 1]?.[0]?.place ?? place, found);
    }
    for (const each of inner) lintReached(each, findings);
  }
}

/** A condition may; a directive that fails aborts, alternatives or not (§6.4). */
const mayFail = (nodes: readonly Node[]): boolean =>
  [...everyNode(nodes)].some(
    ({ command: { name } }) => name.startsWith('condition-') || name === 'directive-wait',
  );

function lintCommand({ command, place, sets }: Node, subject: Subject, findings: Findings): void {
  if (command.name === 'unknown') {
    findings.add('unknown-command', place, `expected a command of manifest-37, found ${command.code}`);
  }
  if (command.name === 'custom') {
    findings.add('custom-command', place, `expected a registered command, found ${command.code}`);
  }
  const count = subject.components.length;
  const beyond = indicesIn(command).find((index) => index >= count);
  if (beyond !== undefined) {
    findings.add('component-index', place, `expected an index below ${count}, found ${beyond}`);
  }
  for (const { parameters } of sets) {
    const { sourceComponent: source, imageDigest } = parameters;
    if (source !== undefined && source >= count) {
      findings.add('source-component', place, `expected an index below ${count}, found ${source}`);
    }
    if (imageDigest === undefined) continue;
    if (command.name === 'directive-set-parameters') {
      findings.add(
        'digest-not-overridden',
        place,
        'expected override-parameters for a digest, found set-parameters',
      );
    }
    try {
      knownDigest('setup', imageDigest);
    } catch (error) {
      if (!(error instanceof SuitError)) throw error;
      findings.add('digest-algorithm', place, error.message);
    }
  }
}

function indicesIn(command: Command): readonly number[] {
  switch (command.name) {
    case 'directive-set-component-index':
      return command.index === true ? [] : [command.index].flat();
    case 'directive-override-multiple':
      return command.byIndex.map(([index]) => index);
    case 'directive-copy-params':
      return command.from.map(([index]) => index);
    default:
      return [];
  }
}

function lintShared(shared: readonly Node[], findings: Findings): void {
  const names = new Set<string>();
  for (const { command, place } of everyNode(shared)) {
    names.add(command.name);
    const acts = command.name.startsWith('directive-') && command.name in policyCommands;
    if (!acts && command.name !== 'custom') continue;
    const found = `expected conditions and parameters in the shared sequence, found ${command.name}`;
    findings.add('shared-effect', place, found);
  }
  const place = shared[0]?.place ?? { where: 'shared-sequence' };
  for (const which of ['vendor', 'class'] as const) {
    if (names.has(`condition-${which}-identifier`)) continue;
    const found = `expected condition-${which}-identifier in the shared sequence, found none`;
    findings.add(`${which}-condition`, place, found);
  }
}
