/**
 * One seeded fault and the power-cut proof against it, in a process of their own: the device's source is
 * changed while Node loads it, and nowhere else. Prints what was found first, as JSON.
 */

import { registerHooks } from 'node:module';
import { mutants } from './powercut-mutant-list.ts';

/** After so many lives a mutant is missed. */
const livesMax = 1500;

const name = process.argv[2];
const mutant = mutants.find((each) => each.name === name);
if (mutant === undefined) throw new Error(`expected the name of a mutant, found ${name ?? 'none'}`);
const { file, find, replace, profile, scenarios: wanted } = mutant;
const target = new URL(file, import.meta.resolve('@lapel/device')).href;

let isApplied = false;
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    const { source } = loaded;
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
    isApplied = text.split(find).length === 2;
    return { ...loaded, source: text.replace(find, () => replace) };
  },
});

// Only now is the device loaded.
const { drawnPairs, emptyTally, singles, whole } = await import('./powercut-campaign.ts');
const { Coverage } = await import('./powercut-coverage.ts');
const { failingReads } = await import('./powercut-read-faults.ts');
const { scenariosOf, small } = await import('./powercut-scenarios.ts');
if (!isApplied) throw new Error(`expected what the mutant changes once in ${file}, found otherwise`);

const tally = emptyTally();
const hasTime = () => tally.findings.length === 0 && tally.lives < livesMax;

/** Of the device as somebody has made it: one that does not even get there has been found out, too. */
async function search(): Promise<string | undefined> {
  const made = await scenariosOf(profile, 1, small);
  const scenarios = made.filter(({ name }, index) => wanted?.includes(name) ?? index === 0);
  // What a cut leaves depends on the seed, and so may what comes of it.
  for (let seed = 1; hasTime(); seed++) {
    const run = { seed, tally, coverage: new Coverage(), hasTime };
    for (const scenario of scenarios) {
      const operations = await whole(scenario, run);
      await singles(scenario, operations, run);
      await failingReads(scenario, operations, run);
      await drawnPairs(scenario, operations, run, 100);
    }
  }
  return tally.findings[0]?.violations[0];
}

const violation = await search().catch((error: unknown) => {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  throw error;
});
console.log(JSON.stringify({ lives: tally.lives, violation }));
