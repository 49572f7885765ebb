/** `npm run powercut`: the power-cut proof as a command. Exits 0 when no invariant was broken. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { PowercutResult } from './powercut.ts';
import { powercut } from './powercut.ts';
import { powercutScenarios } from './powercut-scenarios.ts';

const usage = `npm run powercut -- [--seed N] [--torn N] [--json]

Cuts the power before and in the middle of every flash operation of three updates (one that succeeds, one whose firmware
fails its self-test, one that crashes), restarts the device after each, and checks the flash with a reader of its own.

  --seed N   for images and for what a torn operation leaves   (default 1)
  --torn N   torn variants of each operation                   (default 3)
  --json     print one JSON object and nothing else
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      torn: { type: 'string', default: '3' },
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
  const folder = await mkdtemp(join(tmpdir(), 'lapel-powercut-'));
  try {
    const results: PowercutResult[] = [];
    for (const scenario of await powercutScenarios(folder, seed)) {
      const onCut = values.json ? undefined : progress(scenario.name);
      const result = await powercut(scenario, { seed, tornEach, ...(onCut === undefined ? {} : { onCut }) });
      results.push(result);
      if (!values.json) print(result);
    }
    return conclude(results, seed, values.json);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function conclude(results: readonly PowercutResult[], seed: number, json: boolean): number {
  const sum = (of: (result: PowercutResult) => number) =>
    results.reduce((total, each) => total + of(each), 0);
  const violations = sum((each) => each.violations.length);
  const total = {
    seed,
    operations: sum((each) => each.operations),
    cuts: sum((each) => each.cuts),
    violations,
  };
  if (json) console.log(JSON.stringify({ ...total, scenarios: results }));
  else
    console.log(
      `${total.cuts} cuts in ${total.operations} flash operations, ${violations} violations (seed ${seed})`,
    );
  return violations === 0 ? 0 : 1;
}

function print({ scenario, operations, cuts, violations }: PowercutResult): void {
  console.log(`${scenario}: ${operations} flash operations, ${cuts} cuts, ${violations.length} violations`);
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
