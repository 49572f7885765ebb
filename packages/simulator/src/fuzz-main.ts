/** `npm run fuzz`: hostile inputs for everything that reads. Exits 0 when nothing was found. */

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Finding } from './fuzz.ts';
import { fuzz } from './fuzz.ts';

const usage = `npm run fuzz -- [--seed N] [--seconds N] [--case N] [--json]

Changes envelopes at random where their structure is, with the signature check on and with digests and
signatures repaired; messages, COSE objects, reports and payloads; and the journal of a device. A finding is
printed with its input in hexadecimal and the command that repeats it.

  --seed N      for everything that is drawn           (default: drawn, and printed)
  --seconds N   how long                               (default 10)
  --case N      this case only
  --json        print one JSON object and nothing else
`;

function main(): number {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      case: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const seed =
    values.seed === undefined ? randomInt(2 ** 32) : wholeNumber('--seed', values.seed, 2 ** 32 - 1);
  const seconds = wholeNumber('--seconds', values.seconds, 1e6);
  const only = values.case === undefined ? undefined : wholeNumber('--case', values.case, 1e15);
  if (!values.json) console.log(`seed ${seed}`);
  const end = performance.now() + seconds * 1000;
  const { cases, findings } = fuzz({
    seed,
    ...(only === undefined
      ? { wantsMore: () => performance.now() < end }
      : { from: only, wantsMore: (done) => done === 0 }),
    ...(values.json ? {} : { onFinding: print }),
  });
  const total = { seed, seconds, cases, findings: findings.length };
  console.log(JSON.stringify(values.json ? { ...total, found: findings } : total));
  return findings.length === 0 ? 0 : 1;
}

function print({ target, seed, case: number, error, input }: Finding): void {
  console.log(`found in ${target}, seed ${seed}, case ${number}: ${error}`);
  console.log(`  input: ${input}`);
  console.log(`  again: npm run fuzz -- --seed ${seed} --case ${number}`);
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UsageError(`expected ${option} to be a whole number up to ${max}, found ${text}`);
}

class UsageError extends Error {}

try {
  process.exitCode = main();
} catch (error) {
  const usageProblem = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!usageProblem) throw error;
  console.error(`fuzz: ${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
