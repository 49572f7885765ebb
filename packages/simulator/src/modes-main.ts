/**
 * `npm run modes`: the update modes, played by real parties on a simulated clock; `--trace` prints every
 * message, `--seed S` another world, `--over coap` another way to the servers. The last line counts.
 */

import { parseArgs } from 'node:util';
import type { Traced } from './modes-world.ts';
import { suites } from './modes-suites.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    over: { type: 'string', default: 'http' },
    trace: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const { over } = values;
if (over !== 'http' && over !== 'coap') throw new RangeError(`expected --over http or coap, found ${over}`);

let held = 0;
let broken = 0;
for (const { title, play } of suites) {
  const { checks, trace } = await play({ seed, over });
  console.log(title);
  if (values.trace) for (const line of trace) console.log(told(line));
  for (const { sentence, holds } of checks) console.log(`  ${holds ? 'ok' : '--'}  ${sentence}`);
  held += checks.filter(({ holds }) => holds).length;
  broken += checks.filter(({ holds }) => !holds).length;
  console.log('');
}
console.log(`${suites.length} suites, ${held} checks hold, ${broken} do not (seed ${seed}, over ${over})`);
process.exitCode = broken === 0 ? 0 : 1;

function told({ atMs, what }: Traced): string {
  return `      ${(atMs / 1000).toFixed(1).padStart(9)} s  ${what}`;
}
