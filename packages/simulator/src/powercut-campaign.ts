/**
 * Which cuts are tried: each operation of each scenario in each way; on a small device each pair of
 * operations; on a usual one pairs that are drawn under the seed, for as long as there is time. And which
 * reads fail.
 */

import type { Coverage } from './powercut-coverage.ts';
import type { Place, ReadFault } from './powercut.ts';
import { cutKinds, survive } from './powercut.ts';
import type { Scenario } from './powercut-scenario.ts';
import { seededRandom } from './random.ts';

export interface Tally {
  lives: number;
  /** Lives with one cut or more. */
  cuts: number;
  /** Lives with two. */
  pairs: number;
  /** Lives in which a read failed. */
  readFaults: number;
  boots: number;
  bricked: number;
  /** Operations when nothing cuts them. */
  operations: number;
  /** Places that were not tried for want of time. */
  left: number;
  readonly findings: Finding[];
}

export interface Finding {
  readonly scenario: string;
  readonly places: readonly Place[];
  readonly readFaults: readonly ReadFault[];
  readonly violations: readonly string[];
}

export const emptyTally = (): Tally => ({
  lives: 0,
  cuts: 0,
  pairs: 0,
  readFaults: 0,
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

/** What befalls a device. */
export interface Mishaps {
  readonly places?: readonly Place[];
  readonly readFaults?: readonly ReadFault[];
}

/** A life that nothing cuts; returns its operations. */
export async function whole(scenario: Scenario, run: Run): Promise<number> {
  const operations = await live(scenario, {}, run);
  run.tally.operations += operations;
  return operations;
}

/** Bits that waver are read in many ways: of these cuts several are drawn. */
const drawsEach = { before: 1, prefix: 1, bits: 1, metastable: 3, ecc: 1 } as const;

/** Every operation in every way, in an order that is drawn under the seed. */
export async function singles(scenario: Scenario, operations: number, run: Run): Promise<void> {
  const ways = cutKinds.flatMap((kind) =>
    Array.from({ length: drawsEach[kind] }, (_, draw) => (draw === 0 ? { kind } : { kind, draw })),
  );
  const tries = Array.from({ length: operations }, (_, operation) =>
    ways.map((way): Mishaps => ({ places: [{ operation, ...way }] })),
  ).flat();
  await all(scenario, shuffled(tries, run.seed), run);
}

/** Every operation, then every operation of the life that mends it. */
export async function everyPair(scenario: Scenario, operations: number, run: Run): Promise<void> {
  const kinds = ['before', 'metastable'] as const;
  for (let first = 0; first < operations; first++) {
    for (const kind of kinds) {
      const place = { operation: first, kind };
      const mending = await live(scenario, { places: [place] }, run);
      const pairs = Array.from({ length: mending }, (_, operation) =>
        kinds.map((second) => ({ places: [place, { operation, kind: second }] })),
      ).flat();
      await all(scenario, pairs, run);
    }
    run.onLife?.(first + 1, operations);
  }
}

/** Where a life mends what the one before it left. */
const mendingOperations = 4;

/**
 * Pairs that are drawn, until there is no time, or there have been enough. In half of them the second cut
 * comes while the first one is mended.
 */
export async function drawnPairs(
  scenario: Scenario,
  operations: number,
  run: Run,
  most: number,
): Promise<void> {
  const random = seededRandom(run.seed).fork(`pairs of ${scenario.name}`);
  const kind = () => cutKinds[random.below(cutKinds.length)] ?? 'before';
  const place = (below: number): Place => ({ operation: random.below(below), kind: kind() });
  for (let drawn = 0; drawn < most && run.hasTime() && !isEnough(scenario, run); drawn++) {
    const second = random.below(2) === 0 ? mendingOperations : operations;
    await live(scenario, { places: [place(operations), place(second)] }, run);
  }
}

/** Each in turn, until there is no time. */
export async function all(scenario: Scenario, tries: readonly Mishaps[], run: Run): Promise<void> {
  for (const [done, mishaps] of tries.entries()) {
    if (!run.hasTime()) {
      run.tally.left += tries.length - done;
      return;
    }
    if (isEnough(scenario, run)) return;
    await live(scenario, mishaps, run);
    run.onLife?.(done + 1, tries.length);
  }
}

const isEnough = ({ name }: Scenario, { tally }: Run): boolean =>
  tally.findings.filter(({ scenario }) => scenario === name).length >= findingsMax;

/** Returns the operations of the last life. */
async function live(
  scenario: Scenario,
  { places = [], readFaults = [] }: Mishaps,
  { tally, seed, coverage }: Run,
): Promise<number> {
  const isWatched = places.every(({ kind }) => kind === 'before') && readFaults.length === 0;
  const surroundings = { readFaults, coverage: isWatched ? coverage : undefined };
  const ended = await survive(scenario, places, seed, surroundings);
  const { violations } = ended;
  tally.lives++;
  tally.boots += ended.boots;
  if (ended.cuts > 0) tally.cuts++;
  if (ended.cuts > 1) tally.pairs++;
  if (readFaults.length > 0) tally.readFaults++;
  if (ended.isBricked) tally.bricked++;
  if (violations.length > 0) {
    tally.findings.push({ scenario: scenario.name, places, readFaults, violations });
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
