/** All that a run of the power-cut proof tries, in order, and how its time is shared out. */

import type { Mishaps, Run, Tally } from './powercut-campaign.ts';
import { drawnPairs, emptyTally, everyPair, singles, whole } from './powercut-campaign.ts';
import type { Coverage } from './powercut-coverage.ts';
import type { Options } from './powercut-options.ts';
import { UsageError } from './powercut-options.ts';
import { failingReads } from './powercut-read-faults.ts';
import type { Scenario } from './powercut-scenario.ts';
import { scenariosOf, small, usual } from './powercut-scenarios.ts';
import { survive } from './powercut.ts';

/** One scenario on one device. */
export interface Job {
  readonly profile: string;
  readonly granuleBytes: number;
  readonly isSmall: boolean;
  readonly scenario: Scenario;
  /** Every pair of operations, or every operation and some pairs. */
  readonly tries: 'every pair' | 'every cut';
}

/** Granules that most devices have; and those that are tried in one update. */
const granuleUsual = 8;
const granulesFurther = [1, 4, 16, 32];

/** @throws {UsageError} where there is no scenario of that name. */
export async function planned(options: Options): Promise<readonly Job[]> {
  const { profiles, scenario: only, granule, isSmall, seconds, seed } = options;
  const jobs: Job[] = [];
  const known = new Set<string>();
  const add = async (profile: string, granuleBytes: number, tries: Job['tries'], most: number) => {
    const isSmallHere = isSmall || tries === 'every pair';
    const size = { ...(isSmallHere ? small : usual), granuleBytes };
    const made = await scenariosOf(profile, seed, size);
    for (const { name } of made) known.add(name);
    const wanted = made.slice(0, most).filter(({ name }) => name === (only ?? name));
    jobs.push(
      ...wanted.map((scenario) => ({ profile, granuleBytes, isSmall: isSmallHere, scenario, tries })),
    );
  };
  for (const profile of profiles) await add(profile, granule ?? granuleUsual, 'every cut', Infinity);
  // The granule is the journal's: one layout says it for all.
  const further = granule === undefined && profiles.includes('class1') ? granulesFurther : [];
  for (const granuleBytes of further) await add('class1', granuleBytes, 'every cut', 1);
  if (seconds === undefined) {
    for (const profile of profiles) await add(profile, granule ?? granuleUsual, 'every pair', 1);
  }
  if (jobs.length > 0) return jobs;
  throw new UsageError(`expected --scenario to be one of ${[...known].join(', ')}; found ${only ?? 'none'}`);
}

/** In each scenario, where time is no matter. */
const pairsUsual = 20;

/** How much of a scenario's time goes into single cuts, and until when reads fail; the rest is pairs. */
const shares = { singles: 0.7, reads: 0.8 };

export interface Watch {
  /** Milliseconds since the start. */
  readonly elapsedMs: () => number;
  readonly onProgress: (job: Job, done: number, total: number) => void;
  readonly onEnd: (job: Job, tally: Tally) => void;
}

/** Runs all jobs, one after the other. */
export async function tryAll(
  jobs: readonly Job[],
  options: Options,
  coverage: Coverage,
  watch: Watch,
): Promise<readonly Tally[]> {
  const { seed, seconds, pairs } = options;
  const { elapsedMs } = watch;
  const endMs = seconds === undefined ? Infinity : seconds * 1000;
  const begun: (readonly [Job, Tally, number])[] = [];
  for (const job of jobs) {
    coverage.want(job.scenario.profile);
    const tally = emptyTally();
    begun.push([job, tally, await whole(job.scenario, { seed, tally, coverage, hasTime: () => true })]);
  }
  let toCome = begun.reduce((sum, [, , operations]) => sum + operations, 0);
  for (const [job, tally, operations] of begun) {
    const startMs = elapsedMs();
    // Who has more to cut has more time.
    const shareMs = endMs === Infinity ? Infinity : ((endMs - startMs) * operations) / toCome;
    toCome -= operations;
    const until = (share: number): Run => ({
      seed,
      tally,
      coverage,
      hasTime: () => elapsedMs() < startMs + shareMs * share,
      onLife: (done, total) => watch.onProgress(job, done, total),
    });
    const { scenario } = job;
    if (job.tries === 'every pair') {
      await everyPair(scenario, operations, until(1));
    } else {
      await singles(scenario, operations, until(shares.singles));
      await failingReads(scenario, operations, until(shares.reads));
      await drawnPairs(
        scenario,
        operations,
        until(1),
        pairs ?? (seconds === undefined ? pairsUsual : Infinity),
      );
    }
    watch.onEnd(job, tally);
  }
  return begun.map(([, tally]) => tally);
}

/** One life again, with just what it met. */
export async function replayed(
  { scenario }: Job,
  { places = [], readFaults = [] }: Mishaps,
  seed: number,
): Promise<Tally> {
  const ended = await survive(scenario, places, seed, { readFaults });
  const { cuts, boots, operations, violations } = ended;
  const found = { scenario: scenario.name, places, readFaults, violations };
  return {
    ...emptyTally(),
    lives: 1,
    cuts: Math.min(cuts, 1),
    pairs: cuts > 1 ? 1 : 0,
    readFaults: readFaults.length > 0 ? 1 : 0,
    boots,
    bricked: ended.isBricked ? 1 : 0,
    operations,
    findings: violations.length > 0 ? [found] : [],
  };
}
