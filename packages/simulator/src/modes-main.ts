/**
 * `npm run modes`: the update modes, played by real parties on a simulated clock; `--trace` prints every
 * message, `--seed S` another world. The last line counts.
 */

import { parseArgs } from 'node:util';
import type { Traced } from './modes-world.ts';
import { suites } from './modes-suites.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, trace: { type: 'boolean', default: false } },
});
const seed = Number(values.seed);

let held = 0;
let broken = 0;
for (const { title, play } of suites) {
  const { checks, trace } = await play(seed);
  console.log(title);
  if (values.trace) for (const line of trace) console.log(told(line));
  for (const { sentence, holds } of checks) console.log(`  ${holds ? 'ok' : '--'}  ${sentence}`);
  held += checks.filter(({ holds }) => holds).length;
  broken += checks.filter(({ holds }) => !holds).length;
  console.log('');
}
console.log(`${suites.length} suites, ${held} checks hold, ${broken} do not (seed ${seed})`);
process.exitCode = broken === 0 ? 0 : 1;

function told({ atMs, what }: Traced): string {
  return `      ${(atMs / 1000).toFixed(1).padStart(9)} s  ${what}`;
}
