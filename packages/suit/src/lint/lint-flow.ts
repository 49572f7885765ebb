/** Rules about a procedure as a whole: what is set before it is used, what is verified, what is fetched. */

import type { ParameterName } from '../manifest.ts';
import type { Findings } from './finding.ts';
import type { Subject } from './subject.ts';
import type { Visit } from './walk-through.ts';
import { walkThrough } from './walk-through.ts';

/** What each command can't do without (§6.4). */
const needs: Readonly<Record<string, ParameterName>> = {
  'condition-vendor-identifier': 'vendorIdentifier',
  'condition-class-identifier': 'classIdentifier',
  'condition-device-identifier': 'deviceIdentifier',
  'condition-image-match': 'imageDigest',
  'condition-image-not-match': 'imageDigest',
  'condition-component-slot': 'componentSlot',
  'condition-check-content': 'content',
  'condition-use-before': 'useBefore',
  'condition-minimum-battery': 'minimumBattery',
  'condition-update-authorized': 'updatePriority',
  'condition-version': 'version',
  'condition-dependency-integrity': 'imageDigest',
  'directive-wait': 'waitInfo',
  'directive-write': 'content',
  'directive-fetch': 'uri',
  'directive-copy': 'sourceComponent',
  'directive-swap': 'sourceComponent',
};

/** What each uses besides, where it is set. */
const uses: Readonly<Record<string, readonly ParameterName[]>> = {
  'condition-image-match': ['imageSize'],
  'directive-write': ['imageDigest', 'imageSize', 'encryptionInfo', 'componentMetadata', 'fetchArguments'],
  'directive-fetch': ['imageDigest', 'imageSize', 'fetchArguments', 'componentMetadata', 'encryptionInfo'],
  'directive-copy': ['imageDigest', 'imageSize', 'encryptionInfo', 'componentMetadata', 'fetchArguments'],
  'directive-invoke': ['invokeArguments'],
};

/** They steer the processor, wherever they stand. */
const alwaysUsed: ReadonlySet<ParameterName> = new Set(['strictOrder', 'softFailure', 'updatePriority']);

export function lintFlow(subject: Subject, findings: Findings): void {
  const update = walkThrough(subject, 'update');
  const invocation = walkThrough(subject, 'invocation');
  const all = [...update, ...invocation, ...walkThrough(subject, 'uninstall')];
  lintNeeds(update, invocation, findings);
  lintUses(subject, all, findings);
  lintImages(subject, all, findings);
  lintVerified(update, findings);
  lintInvoked(invocation, findings);
  lintValidated(subject, update, findings);
  lintProcessed(subject, all, findings);
  for (const [name, visits] of Object.entries({ update, invocation })) {
    const { commands } = subject.limits;
    if (visits.length <= commands) continue;
    const found = `expected at most ${commands} commands, found ${visits.length}`;
    findings.add('profile-limit', { where: `the ${name} procedure` }, found);
  }
}

/** What is set to update need not be set when the device starts: the update works, and the start may not. */
function lintNeeds(update: readonly Visit[], invocation: readonly Visit[], findings: Findings): void {
  const met = new Set<string>();
  const key = ({ node, component }: Visit) => `${node.place.offset} ${component}`;
  for (const visit of [...update, ...invocation]) {
    const { node, component, set } = visit;
    const needed = needs[node.command.name];
    if (needed === undefined) continue;
    if (set.has(needed)) {
      met.add(key(visit));
      continue;
    }
    const rule = met.has(key(visit)) ? 'invocation-parameter' : 'parameter-before-set';
    const found = `expected ${needed} to be set for component ${component}, found it not set before`;
    findings.add(rule, node.place, found);
  }
}

/** §7: what no command looks at was meant for something. */
function lintUses(subject: Subject, all: readonly Visit[], findings: Findings): void {
  const used = new Set<string>();
  const copied = new Set<number>();
  for (const { node, component } of all) {
    const { command } = node;
    for (const name of [needs[command.name], ...(uses[command.name] ?? [])]) used.add(`${component} ${name}`);
    if (command.name === 'directive-copy-params') for (const [from] of command.from) copied.add(from);
    // What is set for a dependency, its own manifest finds.
    if (command.name === 'directive-process-dependency') return;
  }
  for (const { node, component } of all) {
    for (const { index = component, parameters } of node.sets) {
      for (const name of Object.keys(parameters) as ParameterName[]) {
        const isUsed = used.has(`${index} ${name}`) || alwaysUsed.has(name) || copied.has(index);
        if (isUsed || index >= subject.components.length) continue;
        const found = `expected ${name} of component ${index} to be used, found no command for it`;
        findings.add('parameter-unused', node.place, found);
      }
    }
  }
}

/** What is said of the image of each component, wherever it is said. */
function lintImages(subject: Subject, all: readonly Visit[], findings: Findings): void {
  const said = new Map<number, Set<ParameterName>>();
  for (const { node, component } of all) {
    for (const { index = component, parameters } of node.sets) {
      const names = Object.keys(parameters) as ParameterName[];
      said.set(index, new Set([...(said.get(index) ?? []), ...names]));
    }
  }
  const dependencies = new Set(subject.dependencies);
  for (const { node, component } of all) {
    const names = said.get(component) ?? new Set();
    const { place } = node;
    const setsDigest = node.sets.some(({ parameters }) => parameters.imageDigest !== undefined);
    // A dependency is named by its manifest's digest, which says nothing of its envelope's size.
    if (!setsDigest || names.has('imageSize') || dependencies.has(component)) continue;
    findings.add('image-size', place, `expected an image-size for component ${component}, found none`);
  }
}

const compares: ReadonlySet<string> = new Set([
  'condition-image-match',
  'condition-check-content',
  'condition-dependency-integrity',
]);

/** What is fetched is compared afterwards, itself or where it was copied to: looked at from the end. */
function lintVerified(update: readonly Visit[], findings: Findings): void {
  const sources = sourcesIn(update);
  const hasDigest = new Set(
    update.flatMap(({ node: { sets }, component }) =>
      sets.flatMap(({ index = component, parameters }) =>
        parameters.imageDigest === undefined ? [] : [index],
      ),
    ),
  );
  const compared = new Set<number>();
  for (const { node, component } of update.toReversed()) {
    const { name } = node.command;
    if (compares.has(name)) compared.add(component);
    if (moves.has(name) && compared.has(component)) {
      for (const source of sources.get(component) ?? []) compared.add(source);
    }
    if (name !== 'directive-fetch' || compared.has(component)) continue;
    if (hasDigest.has(component)) {
      const found = `expected a condition-image-match of component ${component} behind it, found none`;
      findings.add('image-unverified', node.place, found);
    } else {
      const found = `expected an image-digest for component ${component}, found none`;
      findings.add('image-digest', node.place, found);
    }
  }
}

/** What is invoked was compared before, itself or where it was copied from. */
function lintInvoked(invocation: readonly Visit[], findings: Findings): void {
  const sources = sourcesIn(invocation);
  const proven = new Set<number>();
  for (const { node, component } of invocation) {
    const { name } = node.command;
    const isTaken = moves.has(name) && [...(sources.get(component) ?? [])].some((each) => proven.has(each));
    if (compares.has(name) || isTaken) proven.add(component);
    if (name !== 'directive-invoke' || proven.has(component)) continue;
    const found = `expected a condition-image-match of component ${component} before it, found none`;
    findings.add('invoke-unverified', node.place, found);
  }
}

const moves: ReadonlySet<string> = new Set(['directive-copy', 'directive-swap']);

/** Components that each is taken from, somewhere in the procedure. */
function sourcesIn(visits: readonly Visit[]): ReadonlyMap<number, ReadonlySet<number>> {
  const sources = new Map<number, Set<number>>();
  for (const { node, component } of visits) {
    for (const { index = component, parameters } of node.sets) {
      if (parameters.sourceComponent === undefined) continue;
      sources.set(index, (sources.get(index) ?? new Set()).add(parameters.sourceComponent));
    }
  }
  return sources;
}

const makes: ReadonlySet<string> = new Set([
  'directive-fetch',
  'directive-write',
  'directive-copy',
  'directive-swap',
]);

function lintValidated({ sections }: Subject, update: readonly Visit[], findings: Findings): void {
  const made = update.find(({ node }) => makes.has(node.command.name));
  if (made === undefined || sections.validate !== undefined) return;
  findings.add('validate-missing', { where: 'manifest' }, 'expected validate beside install, found none');
}

function lintProcessed({ dependencies }: Subject, all: readonly Visit[], findings: Findings): void {
  const processed = new Set(
    all.flatMap(({ node, component }) =>
      node.command.name === 'directive-process-dependency' ? [component] : [],
    ),
  );
  for (const index of dependencies) {
    if (processed.has(index)) continue;
    const found = `expected dependency ${index} to be processed, found no command for it`;
    findings.add('dependency-unprocessed', { where: 'common' }, found);
  }
}
