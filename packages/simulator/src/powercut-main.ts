/** `npm run powercut`: the power-cut proof as a command. Exits 0 when no invariant was broken. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { PowercutResult } from './powercut.ts';
import { powercut } from './powercut.ts';
import { powercutScenarios } from './powercut-scenarios.ts';

const usage = `npm run powercut -- [--seed N] [--torn N] [--pairs N] [--seconds N] [--json]

Cuts the power before and in the middle of every flash operation of six updates, restarts the device
after each cut, and checks the flash with a reader of its own. Then it draws pairs of cuts: the second comes
while the device mends what the first one left.

  --seed N      for images, for pairs, and for what a torn operation leaves   (default 1)
  --torn N      torn variants of each operation                               (default 3)
  --pairs N     pairs of cuts in each update                                  (default 20)
  --seconds N   draw pairs for this long instead, over all updates
  --json        print one JSON object and nothing else
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      torn: { type: 'string', default: '3' },
      pairs: { type: 'string', default: '20' },
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const seed = wholeNumber('--seed', values.seed, 0xffffffff);
  const tornEach = wholeNumber('--torn', values.torn, 1000);
  const pairs = wholeNumber('--pairs', values.pairs, 1e9);
  const seconds = values.seconds === undefined ? undefined : wholeNumber('--seconds', values.seconds, 1e6);
  const folder = await mkdtemp(join(tmpdir(), 'lapel-powercut-'));
  try {
    const scenarios = await powercutScenarios(folder, seed);
    const results: PowercutResult[] = [];
    for (const scenario of scenarios) {
      const onCut = values.json ? undefined : progress(scenario.name);
      const share = seconds === undefined ? undefined : (seconds * 1000) / scenarios.length;
      const wantsPair = share === undefined ? (done: number) => done < pairs : budget(share);
      const given = { seed, tornEach, wantsPair, ...(onCut === undefined ? {} : { onCut }) };
      const result = await powercut(scenario, given);
      results.push(result);
      if (!values.json) print(result);
    }
    return conclude(results, seed, values.json);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** True for so long, counted from the first time it is asked. */
function budget(ms: number): () => boolean {
  let end: number | undefined;
  return () => performance.now() < (end ??= performance.now() + ms);
}

function conclude(results: readonly PowercutResult[], seed: number, json: boolean): number {
  const sum = (of: (result: PowercutResult) => number) =>
    results.reduce((total, each) => total + of(each), 0);
  const violations = sum((each) => each.violations.length);
  const total = {
    seed,
    operations: sum((each) => each.operations),
    cuts: sum((each) => each.cuts),
    pairs: sum((each) => each.pairs),
    violations,
  };
  if (json) console.log(JSON.stringify({ ...total, scenarios: results }));
  else
    console.log(
      `${total.cuts} cuts in ${total.operations} flash operations and ${total.pairs} pairs of cuts, ` +
        `${violations} violations (seed ${seed})`,
    );
  return violations === 0 ? 0 : 1;
}

function print({ scenario, operations, cuts, pairs, violations }: PowercutResult): void {
  const done = `${operations} flash operations, ${cuts} cuts, ${pairs} pairs`;
  console.log(`${scenario}: ${done}, ${violations.length} violations`);
  for (const violation of violations) console.log(`  ${violation}`);
}

/** Draws over one line of a terminal; silent elsewhere. */
function progress(name: string): ((done: number, total: number) => void) | undefined {
  if (!process.stdout.isTTY) return undefined;
  return (done, total) =>
    process.stdout.write(done === total ? '\r\x1b[K' : `\r${name}: cut ${done} of ${total}`);
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UsageError(`expected ${option} to be a whole number up to ${max}, found ${text}`);
}

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  const usageProblem = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!usageProblem) throw error;
  console.error(`powercut: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
