/**
 * Cuts the power at a flash operation of an update, and again while the device mends what the first cut left;
 * then lets it finish. What must be true is asked after each cut, at each start, and in the end.
 */

import type { BootDecision } from '@lapel/device';
import type { Cut, NorFlash, Torn } from './flash.ts';
import { PowerCut, norFlash } from './flash.ts';
import type { Coverage } from './powercut-coverage.ts';
import type { Memory } from './powercut-judge.ts';
import { judgeBoot, judgeEnd, judgeFlash } from './powercut-judge.ts';
import { settle } from './powercut-life.ts';
import type { ChipState, Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

/** How an operation is cut: before it, after some granules, or in the middle in three ways. */
export const cutKinds = ['before', 'prefix', 'bits', 'metastable', 'ecc'] as const;
export type CutKind = (typeof cutKinds)[number];

/** Where the power goes in one life: which operation of it, and how. */
export interface Place {
  readonly operation: number;
  readonly kind: CutKind;
  /** Which of those that are drawn for this operation and kind; 0 where absent. */
  readonly draw?: number;
}

/** A granule that cannot be read once, or never again: from the life behind the last cut on. */
export interface ReadFault {
  readonly address: number;
  readonly until: 'read' | 'never';
}

export interface Survived {
  /** Operations of the last life. */
  readonly operations: number;
  /** Cuts that came before the device was done. */
  readonly cuts: number;
  readonly boots: number;
  /** Nothing boots, and nobody can bring it back. */
  readonly isBricked: boolean;
  /** Each once. */
  readonly violations: readonly string[];
}

interface Surroundings {
  readonly readFaults?: readonly ReadFault[];
  readonly coverage?: Coverage | undefined;
}

/** One device from the factory on, through the cuts one after the other, to its end. */
export async function survive(
  given: Scenario,
  places: readonly Place[],
  seed: number,
  { readFaults = [], coverage }: Surroundings = {},
): Promise<Survived> {
  const scenario = tolerating(given, readFaults);
  const violations = new Set<string>();
  const complain = (found: readonly string[]) => found.forEach((each) => violations.add(each));
  const memory: Memory = { floors: new Map(), ran: new Map(), trials: 0 };
  const { geometry, loader } = scenario.profile.layout;
  let chip: ChipState = scenario.factory;
  let boots = 0;
  let last: BootDecision | undefined;
  for (let life = 0; ; life++) {
    const cut = cutAt(places[life], seed);
    const bad = life === places.length ? { readFaults } : {};
    const flash: NorFlash = norFlash({ geometry, protectedRegions: [loader], ...chip, ...cut, ...bad });
    const watched = coverage === undefined ? scenario : watching(scenario, coverage);
    const error = await settle(watched, flash, (decision) => {
      boots++;
      last = decision;
      complain(judgeBoot(scenario, decision, flash.dump(), memory));
    }).then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason : new Error('expected an Error, found another')),
    );
    const content = flash.dump();
    complain(judgeFlash(scenario, content, memory));
    if (error instanceof PowerCut) {
      chip = { content, carried: flash.carried() };
      continue;
    }
    if (error !== undefined) complain([error.message]);
    complain(judgeEnd(scenario, content, last));
    const found = [...violations];
    const isBricked = found.some((each) => /bootable image|to be recovered|stay up/.test(each));
    return { operations: flash.operations, cuts: life, boots, isBricked, violations: found };
  }
}

/**
 * What cannot be read once costs a start at most, or the image on trial, which may then be installed anew;
 * where a slot is broken for ever, no update needs to come to its end.
 */
function tolerating(scenario: Scenario, readFaults: readonly ReadFault[]): Scenario {
  if (readFaults.length === 0) return scenario;
  const isLasting = readFaults.some(({ until }) => until === 'never');
  return {
    ...scenario,
    attempts: scenario.attempts * (1 + readFaults.length),
    restarts: readFaults.filter(({ until }) => until === 'read').length,
    wanted: isLasting ? new Map() : scenario.wanted,
  };
}

function watching(scenario: Scenario, coverage: Coverage): Scenario {
  const { wire, profile } = scenario;
  return { ...scenario, wire: (flash) => coverage.watching(wire?.(flash) ?? flash, profile) };
}

function cutAt(place: Place | undefined, seed: number): { readonly cut?: Cut } {
  return place === undefined ? {} : { cut: { operation: place.operation, torn: tornAt(place, seed) } };
}

/**
 * Under the seed, so that a place and a seed say all of it. Half of the time it is the last granule that is
 * in the middle: with it a record is there or is not.
 */
function tornAt({ operation, kind, draw = 0 }: Place, seed: number): Torn {
  const random = seededRandom(seed).fork(`${kind} ${operation} ${draw}`);
  if (kind === 'before') return { kind };
  if (kind === 'prefix') return { kind, granules: 1 + random.below(8) };
  const last = random.below(2) === 0 ? { granules: Infinity } : {};
  return { kind, seed: random.below(2 ** 31), ...last };
}
