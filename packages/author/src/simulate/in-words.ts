/** A simulation in words: each step as a sentence, what was fetched, written and erased, what is left. */

import { hex, unhex } from '@lapel/cbor';
import { digest } from '@lapel/cose';
import type { Effect, SectionName, WaitEvents } from '@lapel/suit';
import { sections, uuidText, versionText } from '@lapel/suit';
import { componentText } from '../inspect-manifest.ts';
import type { Held, Simulation, Step } from './simulate.ts';
import { heldIn } from './simulate.ts';
import type { Moment } from './trace.ts';
import { momentsMax } from './trace.ts';

/** As a script reads it. */
export interface StepInWords {
  /** From 1. */
  readonly step: number;
  readonly section?: string;
  readonly offset?: number;
  readonly command?: string;
  readonly component: string;
  readonly does: Effect['do'];
  readonly says: string;
  readonly ok: boolean;
  readonly uri?: string;
  readonly bytes?: number;
  /** Of what the component held before. */
  readonly erasedBytes?: number;
}

export interface ComponentInWords {
  readonly component: string;
  readonly before: HeldInWords;
  readonly after: HeldInWords;
  readonly changed: boolean;
}

export interface HeldInWords {
  /** Absent where it is not known. */
  readonly bytes?: number;
  /** SHA-256, in hex; absent where there is nothing. */
  readonly digest?: string;
}

/** @param moments of the same simulation, where steps are to be told with their places */
export function stepsInWords({ steps }: Simulation, moments: readonly Moment[] = []): readonly StepInWords[] {
  let at = -1;
  return steps.map((step, index) => {
    while (at + 1 < moments.length && moments[at + 1]!.stepsBefore <= index) at++;
    const isBehind = moments.length === momentsMax && at === momentsMax - 1;
    return { step: index + 1, ...placeOf(isBehind ? undefined : moments[at]), ...stepInWords(step) };
  });
}

export function componentsInWords({ before, after }: Simulation): readonly ComponentInWords[] {
  const names = new Set([...before.contents.keys(), ...after.contents.keys()]);
  return [...names].map((name) => {
    const [was, is] = [heldIn(before, name), heldIn(after, name)];
    return {
      component: nameText(name),
      before: heldInWords(was),
      after: heldInWords(is),
      changed: !isSame(was, is),
    };
  });
}

/** A name as `componentName` gives it, as its author probably wrote it. */
export const nameText = (name: string): string =>
  componentText(name.split('/').map((part) => unhex(part) ?? new Uint8Array()));

export function isSame(one: Held, other: Held): boolean {
  const [a, b] = [heldInWords(one), heldInWords(other)];
  return a.digest === b.digest && (a.bytes === b.bytes || a.bytes === undefined || b.bytes === undefined);
}

/** Of what stays the same, the digest is made once. */
const known = new WeakMap<Uint8Array, HeldInWords>();

export function heldInWords(held: Held): HeldInWords {
  if (!(held instanceof Uint8Array)) {
    return { ...(held.sizeBytes === undefined ? {} : { bytes: held.sizeBytes }), digest: held.digest };
  }
  const found = known.get(held) ?? {
    bytes: held.length,
    ...(held.length === 0 ? {} : { digest: hex(digest('sha-256', held)) }),
  };
  known.set(held, found);
  return found;
}

export const sectionText = (number: number): string => sectionNamesByNumber.get(number) ?? `${number}`;

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const sectionNamesByNumber = new Map(
  (Object.keys(sections) as SectionName[]).map((name) => [sections[name] as number, kebab(name)]),
);

export function placeOf(moment: Moment | undefined): Pick<StepInWords, 'section' | 'offset' | 'command'> {
  if (moment === undefined) return {};
  const { path, section, offset, command } = moment;
  const within = path.length === 0 ? '' : `dependency ${path.join('.')}, `;
  return {
    section: `${within}${sectionText(section)}`,
    offset,
    ...(command === undefined ? {} : { command: command.name }),
  };
}

function stepInWords({ effect, answer, error, before, after }: Step): Omit<StepInWords, 'step'> {
  const component = componentText(effect.component);
  const makes =
    effect.do === 'write' || effect.do === 'fetch' || effect.do === 'copy' || effect.do === 'swap';
  const erased = makes && error === undefined ? heldInWords(before).bytes : 0;
  const bytes = makes && error === undefined ? heldInWords(after).bytes : undefined;
  const erasing = erased === 0 ? '' : `, erasing ${sizeOf(before)}`;
  const says = error === undefined ? sentence(effect, answer, after) : undefined;
  return {
    component,
    does: effect.do,
    says: says === undefined ? `${begun(effect)}: ${error?.message ?? ''}` : `${says}${erasing}`,
    ok: error === undefined && answer !== false,
    ...(effect.do === 'fetch' ? { uri: effect.uri } : {}),
    ...(bytes === undefined ? {} : { bytes }),
    ...(erased === undefined || erased === 0 ? {} : { erasedBytes: erased }),
  };
}

const sizeOf = (held: Held): string => {
  const { bytes } = heldInWords(held);
  return bytes === undefined ? 'an image' : `${bytes} bytes`;
};

function sentence(effect: Effect, answer: Step['answer'], after: Held): string {
  const component = componentText(effect.component);
  const whether = (is: string, isNot: string) => (answer === true ? is : isNot);
  switch (effect.do) {
    case 'identify': {
      const { identifier, which } = effect;
      const text =
        identifier instanceof Uint8Array
          ? identifierText(identifier)
          : `enterprise number ${hex(identifier.pen)}`;
      const verdict = whether("it is the device's", 'the device has another');
      return `compares the ${which} identifier ${text}: ${verdict}`;
    }
    case 'digest': {
      const found = answer instanceof Uint8Array ? hex(answer) : undefined;
      const size = effect.sizeBytes === undefined ? '' : ` of ${effect.sizeBytes} bytes`;
      const none = `finds no image${size} in ${component}`;
      return found === undefined ? none : `hashes ${component}: ${effect.algorithm} ${found}`;
    }
    case 'slot':
      return `asks whether ${component} goes to slot ${effect.slot}: ${whether('yes', 'no')}`;
    case 'content':
      return `compares ${effect.sizeBytes} bytes with what ${component} holds`;
    case 'time':
      return `asks for the time: ${typeof answer === 'number' ? `${answer} s after 1970` : 'none trusted'}`;
    case 'battery':
      return `asks for the battery: ${batteryText(answer)}`;
    case 'authorize':
      return `asks whether priority ${effect.priority} may update: ${whether('yes', 'no')}`;
    case 'version':
      return `asks for the version of ${component}: ${isVersion(answer) ? versionText(answer) : 'unknown'}`;
    case 'wait':
      return `waits for ${eventsText(effect.events)}: ${whether('it came', "it can't")}`;
    case 'envelope':
      return `reads the envelope in ${component}: ${bytesText(answer)}`;
    case 'unlink': {
      const left =
        typeof answer === 'number' ? `${answer} references are left` : 'references are not counted';
      return `unlinks ${component}: ${left}`;
    }
    case 'fetch':
      return `fetches ${effect.uri} into ${component}: ${sizeOf(after)}`;
    case 'write':
      return `writes ${sizeOf(after)} into ${component}`;
    default:
      return begun(effect);
  }
}

/** What it set out to do, of what ends without an answer. */
function begun(effect: Effect): string {
  const component = componentText(effect.component);
  switch (effect.do) {
    case 'fetch':
      return `fetches ${effect.uri} into ${component}`;
    case 'write':
      return `writes ${effect.content.length} bytes into ${component}`;
    case 'copy':
      return `copies ${componentText(effect.source)} into ${component}`;
    case 'swap':
      return `swaps ${component} with ${componentText(effect.source)}`;
    case 'invoke':
      return `invokes ${component}`;
    case 'describe':
      return `notes what ${component} is to become besides its content`;
    default:
      return `${effect.do} ${component}`;
  }
}

const identifierText = (bytes: Uint8Array) => (bytes.length === 16 ? uuidText(bytes) : hex(bytes));
const isVersion = (answer: Step['answer']): answer is readonly number[] => Array.isArray(answer);
const eventsText = (events: WaitEvents) => Object.keys(events).map(kebab).join(', ');
const bytesText = (answer: Step['answer']) =>
  answer instanceof Uint8Array ? `${answer.length} bytes` : 'none';
const batteryText = (left: Step['answer']) =>
  typeof left !== 'number' ? 'nothing tells' : left === Infinity ? 'it never ends' : `${left} mWh`;
