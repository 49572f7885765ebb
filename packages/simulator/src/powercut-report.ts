/** What a run of the power-cut proof says: lines for people, and one object for machines. */

import type { Finding, Tally } from './powercut-campaign.ts';
import type { Coverage } from './powercut-coverage.ts';
import type { Options } from './powercut-options.ts';
import type { Job } from './powercut-plan.ts';

export interface Totals {
  readonly cuts: number;
  readonly pairs: number;
  readonly readFaults: number;
  readonly lives: number;
  readonly boots: number;
  readonly bricked: number;
  readonly violations: number;
  readonly operations: number;
  readonly left: number;
  readonly seconds: number;
  readonly seed: number;
  readonly profiles: readonly string[];
  readonly transitions: { readonly reached: number; readonly total: number };
}

export function totalsOf(
  tallies: readonly Tally[],
  { profiles, seed }: Options,
  { reached, total }: Coverage,
  elapsedMs: number,
): Totals {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, each) => total + of(each), 0);
  return {
    cuts: sum((each) => each.cuts),
    pairs: sum((each) => each.pairs),
    readFaults: sum((each) => each.readFaults),
    lives: sum((each) => each.lives),
    boots: sum((each) => each.boots),
    bricked: sum((each) => each.bricked),
    violations: sum(violationsIn),
    operations: sum((each) => each.operations),
    left: sum((each) => each.left),
    seconds: Math.round(elapsedMs / 100) / 10,
    seed,
    profiles,
    transitions: { reached, total },
  };
}

const violationsIn = ({ findings }: Tally): number =>
  findings.reduce((sum, { violations }) => sum + violations.length, 0);

export function titleOf({ profile, granuleBytes, isSmall, scenario, tries }: Job): string {
  const remarks = [
    ...(granuleBytes === 8 ? [] : [`granules of ${granuleBytes}`]),
    ...(isSmall ? ['small'] : []),
    ...(tries === 'every pair' ? ['every pair'] : []),
  ];
  return `${profile}: ${scenario.name}${remarks.length === 0 ? '' : ` (${remarks.join(', ')})`}`;
}

/** The line of a scenario, and what was found in it. */
export function linesOf(job: Job, tally: Tally, seed: number): readonly string[] {
  const { operations, cuts, pairs, readFaults, boots, left, findings } = tally;
  const counted = [
    `${operations} operations`,
    `${cuts} cuts`,
    `${pairs} pairs`,
    ...(readFaults > 0 ? [`${readFaults} failed reads`] : []),
    `${boots} boots`,
    `${findings.length} findings`,
    ...(left > 0 ? [`${left} left`] : []),
  ];
  return [
    `${titleOf(job)}: ${counted.join(', ')}`,
    ...findings.flatMap((finding) => [
      ...finding.violations.map((violation) => `  ${violation}`),
      `  again: ${replayOf(job, finding, seed)}`,
    ]),
  ];
}

/** The command that has one life again. */
function replayOf({ profile, granuleBytes, isSmall }: Job, finding: Finding, seed: number): string {
  return [
    `npm run powercut -- --profile ${profile} --scenario '${finding.scenario}' --seed ${seed}`,
    ...finding.places.map(({ operation, kind, draw }) =>
      ['--cut ', operation, ':', kind, ...(draw === undefined ? [] : [':', draw])].join(''),
    ),
    ...finding.readFaults.map(({ address, until }) => `--fault ${address}:${until}`),
    ...(granuleBytes === 8 ? [] : [`--granule ${granuleBytes}`]),
    ...(isSmall ? ['--small'] : []),
  ].join(' ');
}

export function coverageLines({ reached, total, missing }: Coverage): readonly string[] {
  const share = Math.floor((100 * reached) / Math.max(1, total));
  return [
    `changes of a slot's state: ${reached} of ${total}, ${share} %`,
    ...missing.map((arrow) => `  not seen: ${arrow}`),
  ];
}

export const totalsLine = (totals: Totals): string =>
  `${totals.cuts} lives with a cut, ${totals.pairs} of them with two, ` +
  `in ${totals.operations} flash operations; ` +
  `${totals.readFaults} with a failed read; ${totals.boots} boots, ${totals.bricked} bricked, ` +
  `${totals.violations} violations, ${totals.left} left untried (seed ${totals.seed}, ${totals.seconds} s)`;
