/** `npm run powercut`: the power-cut proof as a command. Exits 0 when nothing was violated. */

import type { Tally } from './powercut-campaign.ts';
import { Coverage } from './powercut-coverage.ts';
import { mutants } from './powercut-mutant-list.ts';
import { fateOf } from './powercut-mutants.ts';
import type { Options } from './powercut-options.ts';
import { UsageError, optionsFrom, usage } from './powercut-options.ts';
import type { Job } from './powercut-plan.ts';
import { planned, replayed, tryAll } from './powercut-plan.ts';
import { coverageLines, linesOf, titleOf, totalsLine, totalsOf } from './powercut-report.ts';

const elapsedMs = () => performance.now();

async function main(): Promise<number> {
  const options = optionsFrom(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  if (options.mutants) return proveThatItFails(options);
  const isReplay = options.cuts.length + options.faults.length > 0;
  return isReplay ? replay(options) : prove(options);
}

async function prove(options: Options): Promise<number> {
  const { scenario, seconds, seed, granule, isSmall, json } = options;
  const coverage = new Coverage();
  const jobs = await planned(options);
  const tallies = await tryAll(jobs, options, coverage, {
    elapsedMs,
    onProgress: json ? () => undefined : progress,
    onEnd: json ? () => undefined : (job, tally) => print([...linesOf(job, tally, seed)]),
  });
  if (!json) print(coverageLines(coverage));
  // What is but a part of it may well not come through each arrow.
  const isComplete = [scenario, seconds, granule].every((each) => each === undefined) && !isSmall;
  const isCovered = coverage.missing.length === 0 || !isComplete;
  return conclude(tallies, options, coverage, jobs) && isCovered ? 0 : 1;
}

/** One life again. */
async function replay(options: Options): Promise<number> {
  const { cuts: places, faults: readFaults, seed, json } = options;
  const [job] = await planned({ ...options, seconds: options.seconds ?? 0, granule: options.granule ?? 8 });
  if (job === undefined) return 2;
  const tally = await replayed(job, { places, readFaults }, seed);
  if (!json) print(linesOf(job, tally, seed));
  return conclude([tally], options, new Coverage(), [job]) ? 0 : 1;
}

/** Each mutant in a process of its own; those that nothing found are missed. */
async function proveThatItFails({ json }: Options): Promise<number> {
  const missed: string[] = [];
  for (const mutant of mutants) {
    const { lives, violation } = await fateOf(mutant);
    if (violation === undefined) missed.push(mutant.name);
    const found = violation === undefined ? 'MISSED' : `found: ${violation}`;
    if (!json) print([`${mutant.name}: ${lives} lives, ${found}`]);
  }
  const totals = { mutants: mutants.length, caught: mutants.length - missed.length, missed };
  console.log(JSON.stringify({ ...totals, seconds: Math.round(elapsedMs() / 100) / 10 }));
  return missed.length === 0 ? 0 : 1;
}

/** Returns whether nothing was violated. */
function conclude(
  tallies: readonly Tally[],
  options: Options,
  coverage: Coverage,
  jobs: readonly Job[],
): boolean {
  const totals = totalsOf(tallies, options, coverage, elapsedMs());
  if (!options.json) print([totalsLine(totals)]);
  const found = tallies.flatMap(({ findings }, index) => {
    const job = jobs[index];
    return findings.map((finding) => ({ where: job === undefined ? '' : titleOf(job), ...finding }));
  });
  console.log(JSON.stringify(options.json ? { ...totals, found } : totals));
  return totals.violations === 0;
}

const print = (lines: readonly string[]): void => lines.forEach((line) => console.log(line));

/** Draws over one line of a terminal; silent elsewhere. */
function progress(job: Job, done: number, total: number): void {
  if (!process.stdout.isTTY) return;
  process.stdout.write(done === total ? '\r\x1b[K' : `\r\x1b[K${titleOf(job)}: ${done} of ${total}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`powercut: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
