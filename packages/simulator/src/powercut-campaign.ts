/**
 * Which cuts are tried: each operation of each scenario in each way; on a small device each pair of
 * operations; on a usual one pairs that are drawn under the seed, for as long as there is time.
 */

import type { Coverage } from './powercut-coverage.ts';
import type { Place } from './powercut.ts';
import { cutKinds, survive } from './powercut.ts';
import type { Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

export interface Tally {
  lives: number;
  cuts: number;
  pairs: number;
  boots: number;
  bricked: number;
  /** Operations of all scenarios when nothing cuts them. */
  operations: number;
  /** Places that were not tried for want of time. */
  left: number;
  readonly findings: Finding[];
}

export interface Finding {
  readonly scenario: string;
  readonly places: readonly Place[];
  readonly violations: readonly string[];
}

export const emptyTally = (): Tally => ({
  lives: 0,
  cuts: 0,
  pairs: 0,
  boots: 0,
  bricked: 0,
  operations: 0,
  left: 0,
  findings: [],
});

/** A scenario that breaks more than this is not looked into further. */
const findingsMax = 10;

export interface Run {
  readonly seed: number;
  readonly tally: Tally;
  readonly coverage: Coverage;
  /** Whether there is time for one more life. */
  readonly hasTime: () => boolean;
  readonly onLife?: (done: number, total: number) => void;
}

/** Every operation in every way, in an order that is drawn under the seed. */
export async function singles(scenario: Scenario, run: Run): Promise<void> {
  const whole = await live(scenario, [], run);
  run.tally.operations += whole;
  const places = Array.from({ length: whole }, (_, operation) =>
    cutKinds.map((kind): Place => ({ operation, kind })),
  ).flat();
  await all(
    scenario,
    shuffled(places, run.seed).map((place) => [place]),
    run,
  );
}

/** Every operation, then every operation of the life that mends it. */
export async function everyPair(scenario: Scenario, run: Run): Promise<void> {
  const whole = await live(scenario, [], run);
  run.tally.operations += whole;
  const kinds = ['before', 'metastable'] as const;
  for (let first = 0; first < whole; first++) {
    for (const kind of kinds) {
      const place = { operation: first, kind };
      const mending = await live(scenario, [place], run);
      const pairs = Array.from({ length: mending }, (_, operation) =>
        kinds.map((second) => [place, { operation, kind: second }]),
      ).flat();
      await all(scenario, pairs, run);
    }
  }
}

/** Pairs that are drawn, until there is no time, or there have been enough. */
export async function drawnPairs(scenario: Scenario, run: Run, most: number): Promise<void> {
  const random = seededRandom(run.seed).fork(`pairs of ${scenario.name}`);
  const whole = await live(scenario, [], run);
  const kind = () => cutKinds[random.below(cutKinds.length)] ?? 'before';
  for (let drawn = 0; drawn < most && run.hasTime() && !isEnough(scenario, run); drawn++) {
    const [first, second] = [random.below(whole), random.below(whole)];
    await live(
      scenario,
      [
        { operation: first, kind: kind() },
        { operation: second, kind: kind() },
      ],
      run,
    );
  }
}

async function all(scenario: Scenario, plans: readonly (readonly Place[])[], run: Run): Promise<void> {
  for (const [done, places] of plans.entries()) {
    if (!run.hasTime()) {
      run.tally.left += plans.length - done;
      return;
    }
    if (isEnough(scenario, run)) return;
    await live(scenario, places, run);
    run.onLife?.(done + 1, plans.length);
  }
}

const isEnough = ({ name }: Scenario, { tally }: Run): boolean =>
  tally.findings.filter(({ scenario }) => scenario === name).length >= findingsMax;

/** Returns the operations of the last life. */
async function live(scenario: Scenario, places: readonly Place[], run: Run): Promise<number> {
  const { tally, seed, coverage } = run;
  const isWatched = places.every(({ kind }) => kind === 'before');
  const ended = await survive(scenario, places, seed, isWatched ? coverage : undefined);
  tally.lives++;
  tally.boots += ended.boots;
  if (ended.cuts === 1) tally.cuts++;
  if (ended.cuts === 2) tally.pairs++;
  if (ended.isBricked) tally.bricked++;
  if (ended.violations.length > 0) {
    tally.findings.push({ scenario: scenario.name, places, violations: ended.violations });
  }
  return ended.operations;
}

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = seededRandom(seed).fork('order');
  return items
    .map((item) => ({ item, key: random.fraction() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
