/**
 * A simulation command by command, to be stepped through in both directions: where the machine stands, what
 * is set for the component by then, and what the command asks of the world.
 */

import { Reader } from '@lapel/cbor';
import type { Command, Procedure } from '@lapel/suit';
import { componentText } from '../inspect-manifest.ts';
import { inspectParameter } from '../inspect-sequence.ts';
import type { Part } from '../inspection.ts';
import { pairs } from '../inspection.ts';
import { placeOf, stepsInWords } from './in-words.ts';
import type { Simulation, Situation } from './simulate.ts';
import type { Moment } from './trace.ts';
import { traceOf } from './trace.ts';

export interface Frame {
  /** From 1. */
  readonly number: number;
  readonly section: string;
  readonly offset: number;
  /** `command of a dependency` where its manifest is not at hand. */
  readonly command: string;
  /** How many sequences it stands in. */
  readonly depth: number;
  readonly component: string;
  /** Of the component, before the command. */
  readonly parameters: readonly Part[];
  /** What the command does, in sentences. */
  readonly says: readonly string[];
}

/** Parameters by number. */
type Settings = ReadonlyMap<number, Part>;

export function framesOf(whole: Simulation, situation: Situation, procedure: Procedure): readonly Frame[] {
  const moments = traceOf(whole, situation, procedure);
  const steps = stepsInWords(whole);
  const components = (whole.authentic?.manifest.common.components ?? []).map(componentText);
  const settings = new Map<number, Settings>();
  return moments.map((moment, index) => {
    const { section = '', command = 'command of a dependency' } = placeOf(moment);
    const own =
      moment.path.length === 0 ? (settings.get(moment.component) ?? new Map<number, Part>()) : new Map();
    const until = moments[index + 1]?.stepsBefore ?? steps.length;
    const asked = steps.slice(moment.stepsBefore, until).map(({ says }) => says);
    const frame = {
      number: index + 1,
      section,
      offset: moment.offset,
      command,
      depth: moment.depth,
      component: components[moment.component] ?? `${moment.component}`,
      parameters: [...own.values()],
      says: asked.length > 0 ? asked : controlText(moment, components),
    };
    apply(moment, components, settings);
    return frame;
  });
}

/** What the command sets is there for those behind it. */
function apply(
  { command, component, path }: Moment,
  components: readonly string[],
  settings: Map<number, Settings>,
) {
  if (command === undefined || path.length > 0) return;
  const before = settings.get(component) ?? new Map<number, Part>();
  switch (command.name) {
    case 'directive-override-parameters':
      settings.set(component, new Map([...before, ...settingsIn(command.parameters, components)]));
      return;
    case 'directive-set-parameters':
      settings.set(component, new Map([...settingsIn(command.parameters, components), ...before]));
      return;
    case 'directive-override-multiple': {
      const own = command.byIndex.find(([index]) => index === component)?.[1];
      if (own !== undefined) settings.set(component, new Map([...before, ...settingsIn(own, components)]));
      return;
    }
    case 'directive-copy-params':
      for (const [from, numbers] of command.from) {
        const theirs = [...(settings.get(from) ?? [])].filter(([number]) => numbers.includes(number));
        settings.set(component, new Map([...(settings.get(component) ?? []), ...theirs]));
      }
      return;
    default:
  }
}

function settingsIn(encoded: Uint8Array, components: readonly string[]): Settings {
  const { parts = [] } = pairs(new Reader(encoded), (key, value) =>
    inspectParameter(Number(key), value, { components }),
  );
  return new Map(parts.map((part) => [part.number ?? 0, part]));
}

/** Of a command that asks nothing of the world. */
function controlText({ command, component }: Moment, components: readonly string[]): readonly string[] {
  if (command === undefined) return [];
  const names = (encoded: Uint8Array) =>
    [...settingsIn(encoded, components).values()].map(({ name }) => name).join(', ');
  const text = (index: number) => components[index] ?? `${index}`;
  return [sentence(command, component, names, text)];
}

function sentence(
  command: Command,
  component: number,
  names: (encoded: Uint8Array) => string,
  text: (index: number) => string,
): string {
  switch (command.name) {
    case 'directive-set-component-index':
      return command.index === true
        ? 'goes on with every component'
        : `goes on with ${[command.index].flat().map(text).join(', ')}`;
    case 'directive-override-parameters':
      return `sets ${names(command.parameters)}`;
    case 'directive-set-parameters':
      return `sets, where they are not set yet, ${names(command.parameters)}`;
    case 'directive-override-multiple': {
      const own = command.byIndex.find(([index]) => index === component)?.[1];
      return own === undefined ? 'sets parameters' : `sets for ${text(component)} ${names(own)}`;
    }
    case 'directive-copy-params':
      return `takes parameters over from ${command.from.map(([index]) => text(index)).join(', ')}`;
    case 'directive-try-each':
      return `tries up to ${command.sequences.length} sequences until one succeeds`;
    case 'directive-run-sequence':
      return 'runs a sequence of its own';
    case 'condition-abort':
      return 'fails, always';
    case 'unknown':
    case 'custom':
      return 'is not known to this device';
    default:
      return 'asks nothing of the device';
  }
}
