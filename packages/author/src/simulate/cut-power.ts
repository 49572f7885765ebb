/**
 * Power lost at every step of a procedure: what the device holds then, and what becomes of it when it starts
 * again with the same manifest. A device that remembers what it was about does no less. A swap is one step: a
 * device that swaps remembers how far it came.
 */

import type { Procedure } from '@lapel/suit';
import { componentName } from '@lapel/suit';
import { heldInWords, isSame, nameText } from './in-words.ts';
import type { DeviceState, Simulation, Situation, Step } from './simulate.ts';
import { heldIn, simulate, stateOf } from './simulate.ts';

export interface Cut {
  /** The step, from 1, before which the power went, or amid which. The one behind the last is the end. */
  readonly step: number;
  readonly when: 'before' | 'amid';
  /** What the device holds without power. */
  readonly left: 'old' | 'new' | 'between';
  /** What it holds after the restart. */
  readonly ends: 'old' | 'new' | 'neither';
  readonly detail: string;
}

/** Each may cost one more run. */
const cutsMax = 2048;

export function cutPower(
  envelope: Uint8Array,
  situation: Situation,
  procedure: Procedure,
): { readonly whole: Simulation; readonly cuts: readonly Cut[] } {
  const states: DeviceState[] = [];
  const whole = simulate(envelope, situation, procedure, (device) => void states.push(stateOf(device)));
  states.push(whole.after);
  const restarts = new Map<string, Pick<Cut, 'ends' | 'detail'>>();
  const cutIn = (state: DeviceState): Omit<Cut, 'step' | 'when'> => {
    const name = fingerprint(state);
    const ending = restarts.get(name) ?? restart(envelope, { ...situation, state }, procedure, whole);
    restarts.set(name, ending);
    return { left: leftAs(state, whole), ...ending };
  };
  const cuts: Cut[] = [];
  for (const [index, state] of states.entries()) {
    if (cuts.length >= cutsMax) break;
    cuts.push({ step: index + 1, when: 'before', ...cutIn(state) });
    const torn = tornBy(whole.steps[index], state);
    if (torn !== undefined) cuts.push({ step: index + 1, when: 'amid', ...cutIn(torn) });
  }
  return { whole, cuts };
}

/** The half of what is written is there, and nothing of what was there before. */
function tornBy(step: Step | undefined, state: DeviceState): DeviceState | undefined {
  if (step === undefined || step.error !== undefined) return undefined;
  const { effect, after } = step;
  if (effect.do !== 'write' && effect.do !== 'fetch' && effect.do !== 'copy') return undefined;
  const name = componentName(effect.component);
  const standIns = new Map(state.standIns);
  if (after instanceof Uint8Array) {
    standIns.delete(name);
    const half = after.slice(0, after.length >> 1);
    return { contents: new Map([...state.contents, [name, half]]), standIns };
  }
  // Of an image that nobody has at hand, no digest is known of its half.
  return { contents: state.contents, standIns: standIns.set(name, { digest: '' }) };
}

function restart(
  envelope: Uint8Array,
  situation: Situation,
  procedure: Procedure,
  whole: Simulation,
): Pick<Cut, 'ends' | 'detail'> {
  const again = simulate(envelope, situation, procedure);
  if (again.accepted) {
    const others = differing(again.after, whole.after);
    const detail = others.length === 0 ? '' : `${others.join(', ')} held something else without the cut`;
    return { ends: 'new', detail };
  }
  const detail = `${again.stage}, ${again.reason}: ${again.detail}`;
  return { ends: differing(again.after, whole.before).length === 0 ? 'old' : 'neither', detail };
}

function leftAs(state: DeviceState, { before, after, accepted }: Simulation): Cut['left'] {
  if (accepted && differing(state, after).length === 0) return 'new';
  return differing(state, before).length === 0 ? 'old' : 'between';
}

/** Components that are not the same in both. */
function differing(one: DeviceState, other: DeviceState): readonly string[] {
  const names = new Set([...one.contents.keys(), ...other.contents.keys()]);
  return [...names].filter((name) => !isSame(heldIn(one, name), heldIn(other, name))).map(nameText);
}

const fingerprint = (state: DeviceState): string =>
  JSON.stringify([...state.contents.keys()].map((name) => [name, heldInWords(heldIn(state, name))]));
